-- The rows that a connection of Nango's may be: the same connection, else one of the same account and CRM that is not
-- connected any more.
-- reads: crm_connections   grain: best row first
-- parameters: account_id, provider, nango_integration, nango_connection_id
select
    id, nango_integration, nango_connection_id, cast(connection_metadata as text) as connection_metadata
from crm_connections
where
    account_id = $account_id
    and (
        (nango_integration = $nango_integration and nango_connection_id = $nango_connection_id)
        or (account_id <> '' and provider = $provider and not is_active)
    )
order by
    case when nango_integration = $nango_integration and nango_connection_id = $nango_connection_id then 0 else 1 end,
    updated_at desc,
    id
