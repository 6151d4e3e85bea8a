-- A connection as Nango tells it; the row is written only where that is news. A row that was kept out and is taken over
-- by a connection made anew is so no longer.
-- reads: nothing   writes: crm_connections
-- parameters: account_id, id, provider, nango_integration, nango_connection_id, connection_metadata, rank, state, now
insert into crm_connections (
    account_id, id, provider, nango_integration, nango_connection_id, connection_metadata, rank, state, is_active,
    created_at, updated_at
)
values (
    $account_id, cast($id as uuid), $provider, $nango_integration, $nango_connection_id,
    cast($connection_metadata as json), cast($rank as integer), $state, true,
    cast($now as timestamptz), cast($now as timestamptz)
)
on conflict (account_id, id) do update set
    provider = excluded.provider,
    nango_integration = excluded.nango_integration,
    nango_connection_id = excluded.nango_connection_id,
    connection_metadata = excluded.connection_metadata,
    rank = excluded.rank,
    state = excluded.state,
    is_active = true,
    kept_out_at = null,
    updated_at = excluded.updated_at
where
    crm_connections.provider <> excluded.provider
    or crm_connections.nango_integration <> excluded.nango_integration
    or crm_connections.nango_connection_id <> excluded.nango_connection_id
    or cast(crm_connections.connection_metadata as text) <> cast(excluded.connection_metadata as text)
    or crm_connections.rank <> excluded.rank
    or crm_connections.state <> excluded.state
    or not crm_connections.is_active
