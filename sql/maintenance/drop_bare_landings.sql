-- Landings of which nothing is left: they only said that it was read.
-- reads: raw.<provider>_contacts, raw.crm_references, raw.complete_passes, raw.set_aside   writes: staging.landings
-- parameters: account_id, connection_id, before
delete from staging.landings
where
    landings.account_id = $account_id
    and landings.connection_id = cast($connection_id as uuid)
    and landings.read_at < cast($before as timestamptz)
    and landings.sync_id not in (
        select cast(r.sync_id as uuid) from raw.provider_contacts r
        where r.account_id = $account_id and r.connection_id = $connection_id
        union
        select cast(f.sync_id as uuid) from raw.crm_references f
        where f.account_id = $account_id and f.connection_id = $connection_id
        union
        select cast(p.sync_id as uuid) from raw.complete_passes p
        where p.account_id = $account_id and p.connection_id = $connection_id
        union
        select cast(a.sync_id as uuid) from raw.set_aside a
        where a.account_id = $account_id and a.connection_id = $connection_id
    )
