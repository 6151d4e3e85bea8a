-- A connection as Nango tells it; the row is written only where that is news.
-- reads: nothing   writes: crm_connections
-- parameters: account_id, id, provider, nango_integration, nango_connection_id, connection_metadata, state, now
insert into crm_connections (
    account_id, id, provider, nango_integration, nango_connection_id, connection_metadata, state, is_active, created_at,
    updated_at
)
values (
    $account_id, cast($id as uuid), $provider, $nango_integration, $nango_connection_id,
    cast($connection_metadata as json), $state, true, cast($now as timestamptz), cast($now as timestamptz)
)
on conflict (account_id, id) do update set
    provider = excluded.provider,
    nango_integration = excluded.nango_integration,
    nango_connection_id = excluded.nango_connection_id,
    connection_metadata = excluded.connection_metadata,
    state = excluded.state,
    is_active = true,
    updated_at = excluded.updated_at
