-- One run.
-- reads: sync_runs   grain: one row   parameters: account_id, sync_id
select status, strategy, is_forced, pass, requests, started_at, error_code, error_message, error_action
from sync_runs
where account_id = $account_id and sync_id = cast($sync_id as uuid)
