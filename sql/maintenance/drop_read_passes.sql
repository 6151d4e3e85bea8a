-- Complete passes that were read: what they proved was decided then.
-- reads: raw.complete_passes, staging.landings   writes: raw.complete_passes
-- parameters: account_id, connection_id, before
delete from raw.complete_passes
where
    complete_passes.account_id = $account_id
    and complete_passes.connection_id = $connection_id
    and complete_passes.started_at < cast($before as timestamptz)
    and cast(complete_passes.sync_id as uuid) in (
        select l.sync_id from staging.landings l
        where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
    )
