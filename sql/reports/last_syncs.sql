-- How the newest sync of each connection ended, and how long it took. Neither a preview nor a rebuild is a sync.
-- reads: crm_connections, sync_runs   grain: one row per connection that was ever synced   parameters: none
select
    c.account_id,
    c.id as connection_id,
    s.sync_id,
    s.status,
    s.error_code,
    s.started_at,
    s.finished_at
from crm_connections c
inner join lateral (
    select r.sync_id, r.status, r.error_code, r.started_at, r.finished_at
    from sync_runs r
    where r.account_id = c.account_id and r.connection_id = c.id and r.strategy in ('append', 'overwrite')
    order by r.started_at desc, r.sync_id
    limit 1
) s on true
order by c.account_id collate "C", c.provider collate "C", c.created_at, c.id
