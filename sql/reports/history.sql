-- Past syncs, the newest first.
-- reads: sync_runs   grain: one row per sync   parameters: account_id (null for all), row_limit (null for all)
select
    account_id, sync_id, connection_id, provider, strategy, preview_of, is_forced, pass, trigger, status, fetched,
    created, updated, unchanged, merged, skipped, removed, split,
    cast(skipped_by_reason as text) as skipped_by_reason, requests, started_at, finished_at, error_code,
    error_message, error_action, cast(notes as text) as notes
from sync_runs
where cast($account_id as text) is null or account_id = cast($account_id as text)
order by started_at desc, sync_id
limit cast($row_limit as bigint)
