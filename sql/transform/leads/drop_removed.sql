-- The rows of leads that an overwrite takes away; they are kept in removed_leads.
-- reads: temp leads_to_remove   writes: leads   parameters: account_id
delete from leads
where account_id = $account_id and id in (select r.lead_id from leads_to_remove r)
