-- A contact that was merged away is no person of its own any more, whatever its old payload says.
-- reads: staging.contact_merges   writes: temp incoming_contacts   parameters: account_id
update incoming_contacts
set state = 'deleted', reason = 'merged_in_crm', content_hash = 'merged_in_crm'
from staging.contact_merges m
where m.account_id = $account_id and m.contact_id = incoming_contacts.contact_id
