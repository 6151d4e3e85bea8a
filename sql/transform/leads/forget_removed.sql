-- What is there again is not removed any more.
-- reads: temp returning_leads   writes: removed_leads   parameters: account_id
delete from removed_leads
where account_id = $account_id and lead_id in (select b.lead_id from returning_leads b)
