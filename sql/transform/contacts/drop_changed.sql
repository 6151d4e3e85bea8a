-- Few contacts that changed are written anew as whole rows: to change a row in place, DuckDB writes every column of its
-- 120,000 neighbours again.
-- reads: temp changed_contacts   writes: staging.contacts   parameters: account_id
delete from staging.contacts
where account_id = $account_id and contact_id in (select c.contact_id from changed_contacts c where not c.is_new)
