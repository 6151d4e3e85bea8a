-- The contacts of a lead.
-- reads: staging.identity_map   grain: one row per contact   parameters: account_id, lead_id
select contact_id
from staging.identity_map
where account_id = $account_id and lead_id = cast($lead_id as uuid) and is_member
order by cast(contact_id as text) collate "C"
