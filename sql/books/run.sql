-- One run.
-- reads: sync_runs   grain: one row   parameters: account_id, sync_id
select status, pass, requests, started_at
from sync_runs
where account_id = $account_id and sync_id = cast($sync_id as uuid)
