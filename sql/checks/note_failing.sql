-- A check that fails, since when it does.
-- reads: nothing   writes: failing_checks   parameters: account_id, name, is_blocking, message, action, now
insert into failing_checks (account_id, name, is_blocking, message, action, failing_since)
values (
    $account_id, $name, cast($is_blocking as boolean), $message, $action, cast($now as timestamptz)
)
on conflict (account_id, name)
do update set is_blocking = excluded.is_blocking, message = excluded.message, action = excluded.action
