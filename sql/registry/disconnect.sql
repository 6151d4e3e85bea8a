-- A connection that is not there any more; its leads stay.
-- reads: nothing   writes: crm_connections   parameters: account_id, id, now
update crm_connections
set state = 'disconnected', is_active = false, updated_at = cast($now as timestamptz)
where account_id = $account_id and id = cast($id as uuid)
