-- Since when absence is proof: the start of the newest complete pass that landed to its end and was not read yet.
-- reads: raw.complete_passes, staging.landings   grain: one row   parameters: account_id, connection_id
select max(p.started_at) as proven_since
from raw.complete_passes p
where
    p.account_id = $account_id
    and p.connection_id = $connection_id
    and cast(p.sync_id as uuid) not in (
        select l.sync_id from staging.landings l
        where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
    )
