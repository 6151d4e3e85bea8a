-- Active connections, those whose last sync failed first, and of these the newest failure first; with counts of all.
-- reads: crm_connections   grain: one row per connection; the counts include those beyond the limit
-- parameters: row_limit
select
    account_id,
    provider,
    last_error_code,
    last_error_message,
    last_error_action,
    last_synced_at,
    count(*) over () as connections,
    count(last_error_code) over () as failing
from crm_connections
where is_active and account_id <> ''
order by last_error_code is null, last_error_at desc, account_id collate "C", provider collate "C", id
limit $row_limit
