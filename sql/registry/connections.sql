-- The connections, by account and provider; narrowed where a parameter is given.
-- reads: crm_connections   grain: one row per connection   parameters: account_id, only_provider
select
    id, account_id, provider, nango_integration, nango_connection_id,
    cast(connection_metadata as text) as connection_metadata,
    state, is_active, last_synced_at, last_error_code, last_error_message, last_error_action, held_at,
    unproven_at
from crm_connections
where
    (cast($account_id as text) is null or account_id = cast($account_id as text))
    and (cast($only_provider as text) is null or provider = cast($only_provider as text))
order by account_id collate "C", provider collate "C", created_at, id
