-- The rows of merged leads; their ids live on in lead_merges.
-- reads: temp lost_leads   writes: leads   parameters: account_id
delete from leads
where account_id = $account_id and id in (select o.lead_id from lost_leads o)
