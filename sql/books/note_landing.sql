-- What the landing of an open run was.
-- reads: nothing   writes: sync_runs   parameters: account_id, sync_id, pass_kind, requests
update sync_runs
set pass = $pass_kind, requests = $requests
where account_id = $account_id and sync_id = cast($sync_id as uuid)
