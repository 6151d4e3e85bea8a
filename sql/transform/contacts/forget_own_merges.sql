-- A contact that itself said what it became may have taken that back: its newest version is believed, unless it cannot
-- say.
-- reads: temp incoming_contacts, temp incoming_merges   writes: staging.contact_merges   parameters: account_id
delete from staging.contact_merges
where
    account_id = $account_id
    and is_own_word
    and contact_id in (select i.contact_id from incoming_contacts i)
    and contact_id not in (select g.contact_id from incoming_merges g where g.into_contact_id is null)
