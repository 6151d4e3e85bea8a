-- A sync is written down before its first request.
-- reads: nothing   writes: sync_runs   parameters: account_id, sync_id, connection_id, provider, strategy, preview_of,
-- is_forced, trigger, now
insert into sync_runs (
    account_id, sync_id, connection_id, provider, strategy, preview_of, is_forced, trigger, status, started_at
)
values (
    $account_id, cast($sync_id as uuid), cast($connection_id as uuid), $provider, $strategy,
    cast($preview_of as text), cast($is_forced as boolean), $trigger, 'running', cast($now as timestamptz)
)
