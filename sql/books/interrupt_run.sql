-- A sync whose process is gone; what it landed stays for the next one, which counts it.
-- reads: sync_runs   writes: sync_runs   parameters: account_id, sync_id, now
update sync_runs
set
    status = 'interrupted',
    fetched = 0,
    finished_at = cast($now as timestamptz)
where account_id = $account_id and sync_id = cast($sync_id as uuid) and status = 'running'
