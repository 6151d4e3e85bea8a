-- How long the longest sync of each connection took lately: a complete pass, or the first one.
-- reads: sync_runs   grain: one row per connection that was synced since then   parameters: since
select
    account_id,
    connection_id,
    max(finished_at - started_at) as longest
from sync_runs
where
    strategy in ('append', 'overwrite')
    and finished_at is not null
    and started_at > cast($since as timestamptz)
group by account_id, connection_id
order by account_id collate "C", connection_id
