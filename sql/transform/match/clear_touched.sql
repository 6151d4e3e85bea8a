-- Values that were touched are counted by now.
-- reads: nothing   writes: staging.touched_values   parameters: account_id
delete from staging.touched_values
where account_id = $account_id
