-- Connections in use that no sync has brought up to date for too long, with what the last one said.
-- A warning.
-- reads: crm_connections   grain: one row per connection, none where all is well; `total` counts all
-- parameters: account_id, stale_before, example_limit
select
    id as connection_id, provider, state, last_synced_at, last_error_code, last_error_action, count(*) over () as total
from crm_connections
where
    account_id = $account_id
    and is_active
    and state <> 'unassigned'
    and coalesce(last_synced_at, created_at) < cast($stale_before as timestamptz)
order by provider collate "C", id
limit cast($example_limit as bigint)
