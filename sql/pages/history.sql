-- One page of an account's past syncs, the newest first.
-- reads: sync_runs   grain: one row per sync   parameters: account_id, row_limit, row_offset
select
    sync_id, connection_id, provider, strategy, preview_of, pass, trigger, status, fetched, created, updated, unchanged,
    merged, skipped, removed, split, cast(skipped_by_reason as text) as skipped_by_reason, requests, started_at,
    finished_at, error_code, error_message, error_action, cast(notes as text) as notes
from sync_runs
where account_id = $account_id
order by started_at desc, sync_id
limit cast($row_limit as bigint) offset cast($row_offset as bigint)
