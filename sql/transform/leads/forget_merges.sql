-- An id that a split gave back to a person of its own is no merged id any more.
-- reads: temp changed_leads   writes: lead_merges   parameters: account_id
delete from lead_merges
where account_id = $account_id and lead_id in (select c.lead_id from changed_leads c where c.is_created)
