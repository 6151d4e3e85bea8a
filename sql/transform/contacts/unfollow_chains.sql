-- Chains are followed anew where this reading may have changed one: every contact back to what the CRM said it became.
-- reads: temp incoming_contacts   writes: staging.contact_merges   parameters: account_id
update staging.contact_merges
set into_contact_id = told_into_contact_id
where
    account_id = $account_id
    and into_contact_id <> told_into_contact_id
    and told_into_contact_id in (select i.contact_id from incoming_contacts i)
