-- Syncs that nobody has closed: under way, or of a process that died.
-- reads: sync_runs   grain: one row per sync   parameters: account_id (null for all)
select account_id, sync_id, connection_id, provider, started_at
from sync_runs
where
    status = 'running'
    and (cast($account_id as text) is null or account_id = cast($account_id as text))
order by started_at, sync_id
