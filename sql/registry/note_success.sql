-- The last sync of a connection went well; one that was disconnected meanwhile stays so.
-- reads: nothing   writes: crm_connections   parameters: account_id, id, now
update crm_connections
set
    state = case when is_active then 'active' else state end,
    last_synced_at = cast($now as timestamptz),
    last_error_code = null,
    last_error_message = null,
    last_error_action = null,
    last_error_at = null,
    updated_at = cast($now as timestamptz)
where account_id = $account_id and id = cast($id as uuid)
