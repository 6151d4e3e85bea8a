-- A connection that names another account at Nango now: the old account's row stays, disconnected, and lets go of it.
-- reads: nothing   writes: crm_connections   parameters: account_id, nango_integration, nango_connection_id, now
update crm_connections
set
    nango_connection_id = nango_connection_id || ' (moved from ' || cast(id as text) || ')',
    state = 'disconnected',
    is_active = false,
    updated_at = cast($now as timestamptz)
where
    nango_integration = $nango_integration
    and nango_connection_id = $nango_connection_id
    and account_id <> $account_id
