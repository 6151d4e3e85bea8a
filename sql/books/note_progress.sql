-- How far an open run has come, for whoever looks on.
-- reads: nothing   writes: sync_runs   parameters: account_id, sync_id, records, requests
update sync_runs
set fetched = $records, requests = $requests
where account_id = $account_id and sync_id = cast($sync_id as uuid) and status = 'running'
