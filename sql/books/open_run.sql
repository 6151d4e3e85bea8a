-- A sync is written down before its first request.
-- reads: nothing   writes: sync_runs   parameters: account_id, sync_id, connection_id, provider, strategy, trigger, now
insert into sync_runs (account_id, sync_id, connection_id, provider, strategy, trigger, status, started_at)
values (
    $account_id, cast($sync_id as uuid), cast($connection_id as uuid), $provider, $strategy, $trigger, 'running',
    cast($now as timestamptz)
)
