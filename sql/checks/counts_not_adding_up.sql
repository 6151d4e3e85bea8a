-- Syncs whose contacts do not add up: each that was fetched has exactly one outcome, once the sync is over.
-- A warning.
-- reads: sync_runs   grain: one row per sync, none where all is well; `total` counts all
-- parameters: account_id, since, example_limit
select sync_id, provider, strategy, fetched, created + merged + updated + unchanged + skipped as counted,
    count(*) over () as total
from sync_runs
where
    account_id = $account_id
    and started_at >= cast($since as timestamptz)
    and status <> 'running'
    and fetched <> created + merged + updated + unchanged + skipped
order by started_at desc, sync_id
limit cast($example_limit as bigint)
