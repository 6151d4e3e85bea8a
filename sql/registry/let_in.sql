-- Somebody connects it again.
-- reads: nothing   writes: crm_connections   parameters: account_id, nango_integration, nango_connection_id
update crm_connections
set kept_out_at = null
where
    account_id = $account_id
    and nango_integration = $nango_integration
    and nango_connection_id = $nango_connection_id
    and kept_out_at is not null
