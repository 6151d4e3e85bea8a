-- One row per authorised CRM of one account; `id` survives a reconnect, no token is ever stored.
-- reads: nothing   writes: crm_connections   grain: one row per connection
-- An unassigned connection (no tenant tag at Nango) has the empty account_id and is never synced.
create table crm_connections (
    account_id text not null,
    id uuid not null,
    provider text not null,
    nango_integration text not null,
    nango_connection_id text not null,
    connection_metadata json not null,
    rank integer not null default 100,
    state text not null default 'active' check (state in ('active', 'needs_reconnect', 'unassigned', 'disconnected')),
    is_active boolean not null default true,
    last_synced_at timestamptz,
    last_error_code text,
    last_error_message text,
    last_error_action text,
    last_error_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (account_id, id)
);
create unique index crm_connections_nango on crm_connections (nango_integration, nango_connection_id);
