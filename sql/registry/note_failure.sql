-- The last sync of a connection failed; an expired or vanished connection has to be connected again, unless it was
-- disconnected meanwhile.
-- reads: nothing   writes: crm_connections   parameters: account_id, id, code, message, action, now
update crm_connections
set
    state = case
        when is_active and cast($code as text) in ('connection_expired', 'connection_not_found') then 'needs_reconnect'
        else state
    end,
    last_error_code = $code,
    last_error_message = $message,
    last_error_action = $action,
    last_error_at = cast($now as timestamptz),
    updated_at = cast($now as timestamptz)
where account_id = $account_id and id = cast($id as uuid)
