-- A trouble that was told of and is over.
-- reads: nothing   writes: troubles   parameters: account_id, connection_id, code, channel, now
update troubles
set ended_at = cast($now as timestamptz)
where
    account_id = $account_id
    and connection_id = cast($connection_id as uuid)
    and code = $code
    and channel = $channel
    and ended_at is null
