-- A trouble that is there, for one channel; one that was over and not yet told to be goes on.
-- reads: nothing   writes: troubles
-- parameters: account_id, connection_id, code, channel, provider, message, action, since
insert into troubles (account_id, connection_id, code, channel, provider, message, action, began_at)
values (
    $account_id, cast($connection_id as uuid), $code, $channel, $provider, $message, $action,
    cast($since as timestamptz)
)
on conflict (account_id, connection_id, code, channel)
do update set message = excluded.message, action = excluded.action, ended_at = null
where
    troubles.message <> excluded.message
    or troubles.action <> excluded.action
    or troubles.ended_at is not null
