-- What a person asks first: is each connection well, when was it last synced, and how did that end? Neither a
-- preview nor a rebuild is a sync.
-- reads: crm_connections, sync_runs   grain: one row per connection   parameters: account_id (null for all)
with runs as (
    select
        *,
        row_number() over (partition by account_id, connection_id order by started_at desc, sync_id) as newest
    from sync_runs
    where
        strategy not in ('preview', 'rebuild')
        and (cast($account_id as text) is null or account_id = cast($account_id as text))
)

select
    c.account_id,
    c.provider,
    c.id as connection_id,
    c.nango_integration,
    c.nango_connection_id,
    c.state,
    c.is_active,
    c.last_synced_at,
    c.last_error_code,
    c.last_error_message,
    c.last_error_action,
    c.last_error_at,
    c.created_at,
    c.updated_at,
    r.sync_id,
    r.strategy,
    r.pass,
    r.status,
    r.fetched,
    r.created,
    r.updated,
    r.unchanged,
    r.merged,
    r.skipped,
    r.removed,
    r.split,
    r.started_at,
    r.finished_at,
    cast(r.notes as text) as notes
from crm_connections c
left join runs r on r.account_id = c.account_id and r.connection_id = c.id and r.newest = 1
where cast($account_id as text) is null or c.account_id = cast($account_id as text)
order by c.account_id collate "C", c.provider collate "C", c.created_at, c.id
