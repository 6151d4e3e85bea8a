-- A connection that is not there any more, or shall not be used any more; its leads stay.
-- reads: nothing   writes: crm_connections   parameters: account_id, id, keep_out, now
update crm_connections
set
    state = 'disconnected',
    is_active = false,
    kept_out_at = case when cast($keep_out as boolean) then cast($now as timestamptz) end,
    updated_at = cast($now as timestamptz)
where account_id = $account_id and id = cast($id as uuid)
