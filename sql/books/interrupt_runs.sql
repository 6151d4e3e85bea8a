-- Runs of this connection that nobody is running any more: whoever opens a new one holds the connection's lock.
-- reads: sync_runs   writes: sync_runs   parameters: account_id, connection_id, now
update sync_runs
set
    status = 'interrupted',
    fetched = 0,
    finished_at = cast($now as timestamptz)
where account_id = $account_id and connection_id = cast($connection_id as uuid) and status = 'running'
