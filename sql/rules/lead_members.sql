-- The contacts of a lead.
-- reads: staging.identity_map, staging.contacts   grain: one row per contact   parameters: account_id, lead_id
select i.contact_id, c.provider, c.crm_id
from staging.identity_map i
inner join staging.contacts c on c.account_id = $account_id and c.contact_id = i.contact_id
where i.account_id = $account_id and i.lead_id = cast($lead_id as uuid) and i.is_member
order by cast(i.contact_id as text) collate "C"
