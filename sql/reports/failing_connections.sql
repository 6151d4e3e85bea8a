-- Active connections whose last sync failed, those that failed last first, and how many there are in all.
-- reads: crm_connections   grain: one row per failing connection, or one without an account where none fails
-- parameters: row_limit
select
    a.connections,
    a.failing,
    c.account_id,
    c.provider,
    c.last_error_code,
    c.last_error_message,
    c.last_error_action,
    c.last_synced_at
from (
    select count(*) as connections, count(last_error_code) as failing
    from crm_connections
    where is_active and account_id <> ''
) a
left join crm_connections c on c.is_active and c.account_id <> '' and c.last_error_code is not null
order by c.last_error_at desc, c.account_id collate "C", c.provider collate "C", c.id
limit $row_limit
