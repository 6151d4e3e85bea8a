-- A check that holds.
-- reads: nothing   writes: failing_checks   parameters: account_id, name
delete from failing_checks
where account_id = $account_id and name = $name
