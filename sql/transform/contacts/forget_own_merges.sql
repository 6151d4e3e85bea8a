-- A contact that itself said what it became may have taken that back: its newest version is believed.
-- reads: temp incoming_contacts   writes: staging.contact_merges   parameters: account_id
delete from staging.contact_merges
where
    account_id = $account_id
    and is_own_word
    and contact_id in (select i.contact_id from incoming_contacts i)
