-- Connections at Nango that shall not be used.
-- reads: crm_connections   grain: one row per connection
select account_id, nango_integration, nango_connection_id
from crm_connections
where kept_out_at is not null
