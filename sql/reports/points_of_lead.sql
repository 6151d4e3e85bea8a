-- The phones and e-mails of a lead's contacts: what was typed in the CRM, and what it was read as.
-- reads: staging.identity_map, staging.contact_points   grain: one row per phone or e-mail of a contact
-- parameters: account_id, lead_id
select p.contact_id, p.kind, p.position, p.source_text as typed, p.value, p.extension, p.match_key
from staging.identity_map i
inner join staging.contact_points p on p.account_id = i.account_id and p.contact_id = i.contact_id
where i.account_id = $account_id and i.lead_id = cast($lead_id as uuid)
order by p.contact_id, p.kind collate "C" desc, p.position
