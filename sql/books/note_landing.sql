-- What the landing of an open run was; a complete pass that reached its end says since when it is proof.
-- reads: nothing   writes: sync_runs   parameters: account_id, sync_id, pass_kind, requests, proven_since
update sync_runs
set pass = $pass_kind, requests = $requests, proven_since = cast($proven_since as timestamptz)
where account_id = $account_id and sync_id = cast($sync_id as uuid)
