-- A contact that was merged away is no person of its own any more, whatever its payload says, once we know the contact
-- it became. Until then it stays: a converted lead whose contact we may not read would be lost.
-- reads: staging.contact_merges, staging.contacts   writes: temp incoming_contacts   parameters: account_id
update incoming_contacts
set state = 'deleted', reason = 'merged_in_crm', content_hash = 'merged_in_crm'
from staging.contact_merges m
where
    m.account_id = $account_id
    and m.contact_id = incoming_contacts.contact_id
    and m.into_contact_id in (
        select c.contact_id from staging.contacts c where c.account_id = $account_id
        union all
        select i.contact_id from incoming_contacts i
    )
