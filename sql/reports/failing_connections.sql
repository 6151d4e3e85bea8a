-- Active connections, those that fail first, and of these the newest failure first; with counts of all. One that Nango
-- can no longer renew fails, although no sync has met that yet: none is started.
-- reads: crm_connections   grain: one row per connection; the counts include those beyond the limit
-- parameters: row_limit
with judged as (
    select
        account_id,
        provider,
        id,
        coalesce(last_error_code, case when state = 'needs_reconnect' then 'connection_expired' end) as code,
        last_error_message,
        last_error_action,
        last_error_at,
        last_synced_at
    from crm_connections
    where is_active and account_id <> ''
)

select
    account_id,
    provider,
    code,
    last_error_message,
    last_error_action,
    last_synced_at,
    count(*) over () as connections,
    count(code) over () as failing
from judged
order by code is null, last_error_at desc, account_id collate "C", provider collate "C", id
limit $row_limit
