-- The contacts of a lead in each CRM, in order of trust, then those that were once behind it; and why each was matched.
-- reads: staging.identity_map, staging.contacts, crm_connections   grain: one row per contact
-- parameters: account_id, lead_id, default_rank
select
    c.contact_id, c.connection_id, c.provider, c.object_type, c.crm_id, c.state, c.reason, c.name, c.first_name,
    c.last_name, c.phone, c.email, c.company, c.owner_name, c.owner_email, c.status, c.stage, c.description,
    c.last_activity_at, c.source_created_at, c.source_updated_at, i.is_member, i.matched_by, i.matched_value,
    i.matched_at, i.sync_id, cast(k.connection_metadata as text) as connection_metadata
from staging.identity_map i
inner join staging.contacts c on c.account_id = i.account_id and c.contact_id = i.contact_id
left join crm_connections k on k.account_id = c.account_id and k.id = c.connection_id
where i.account_id = $account_id and i.lead_id = cast($lead_id as uuid)
order by
    case when i.is_member then 0 else 1 end,
    coalesce(k.rank, cast($default_rank as integer)),
    c.last_activity_at desc nulls last,
    c.source_updated_at desc nulls last,
    c.crm_id collate "C",
    cast(c.contact_id as text) collate "C"
