-- A trouble that nobody has to hear of any more.
-- reads: nothing   writes: troubles   parameters: account_id, connection_id, code, channel
delete from troubles
where
    account_id = $account_id
    and connection_id = cast($connection_id as uuid)
    and code = $code
    and channel = $channel
