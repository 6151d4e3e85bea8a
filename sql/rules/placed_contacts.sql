-- The leads that some contacts are in.
-- reads: staging.contacts, staging.identity_map, leads   grain: one row per contact
-- parameters: account_id, contact_ids
select
    c.contact_id, c.provider, c.object_type, c.crm_id, c.name, c.state, c.reason, l.id as lead_id, l.name as lead_name
from staging.contacts c
left join staging.identity_map i on i.account_id = c.account_id and i.contact_id = c.contact_id and i.is_member
left join leads l on l.account_id = i.account_id and l.id = i.lead_id
where
    c.account_id = $account_id
    and cast(c.contact_id as text) in (select t.id from (select unnest(cast($contact_ids as text[])) as id) t)
order by c.name collate "C", cast(c.contact_id as text) collate "C"
