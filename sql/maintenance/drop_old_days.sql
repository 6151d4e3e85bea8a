-- Days that no check looks back to any more.
-- reads: nothing   writes: account_days   parameters: account_id, before
delete from account_days
where account_id = $account_id and day < cast(cast($before as timestamptz) as date)
