-- Leads that were taken away so long ago that nobody will put them back: people who are in no CRM any more.
-- reads: nothing   writes: removed_leads   parameters: account_id, before
delete from removed_leads
where account_id = $account_id and removed_at < cast($before as timestamptz)
