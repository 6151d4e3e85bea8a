-- How a sync ended, with counts that add up.
-- reads: nothing   writes: sync_runs   parameters: account_id, sync_id, pass_kind, status, the counts, notes, error_*,
-- finished_at
update sync_runs
set
    pass = $pass_kind,
    status = $status,
    fetched = $fetched,
    created = $created,
    updated = $updated,
    unchanged = $unchanged,
    merged = $merged,
    skipped = $skipped,
    removed = $removed,
    split = $split,
    skipped_by_reason = cast($skipped_by_reason as json),
    requests = $requests,
    notes = cast($notes as json),
    finished_at = cast($finished_at as timestamptz),
    error_code = $error_code,
    error_message = $error_message,
    error_action = $error_action
where account_id = $account_id and sync_id = cast($sync_id as uuid)
