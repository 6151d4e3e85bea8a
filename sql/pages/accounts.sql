-- Accounts that have, or had, a connection: their CRMs, whether one needs a person, and when one was last synced.
-- reads: crm_connections   grain: one row per account; total counts those beyond the limit too
-- parameters: search (in lower case; null for all), row_limit, row_offset
with accounts as (
    select
        account_id,
        string_agg(case when is_active then provider end, ',' order by provider collate "C", id) as providers,
        count(case when is_active then 1 end) as connections,
        count(case when state = 'needs_reconnect' then 1 end) as expired,
        count(case when is_active and state = 'active' and last_error_code is not null then 1 end) as failing,
        max(last_synced_at) as last_synced_at
    from crm_connections
    where
        account_id <> ''
        and (cast($search as text) is null or strpos(lower(account_id), cast($search as text)) > 0)
    group by account_id
)

select account_id, providers, connections, expired, failing, last_synced_at, count(*) over () as total
from accounts
order by account_id collate "C"
limit cast($row_limit as bigint) offset cast($row_offset as bigint)
