-- Records set aside that were read, and of which something newer is known, good or set aside again.
-- reads: raw.<provider>_contacts, raw.set_aside, staging.landings   writes: raw.set_aside
-- parameters: account_id, connection_id, before
delete from raw.set_aside
where
    set_aside.account_id = $account_id
    and set_aside.connection_id = $connection_id
    and set_aside.fetched_at < cast($before as timestamptz)
    and cast(set_aside.sync_id as uuid) in (
        select l.sync_id from staging.landings l
        where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
    )
    and (
        exists (
            select 1 from raw.set_aside n
            where
                n.account_id = $account_id
                and n.connection_id = $connection_id
                and n.object_type = set_aside.object_type
                and n.crm_id = set_aside.crm_id
                and n.fetched_at > set_aside.fetched_at
        )
        or exists (
            select 1 from raw.provider_contacts r
            where
                r.account_id = $account_id
                and r.connection_id = $connection_id
                and r.object_type = set_aside.object_type
                and r.crm_id = set_aside.crm_id
                and r.fetched_at > set_aside.fetched_at
        )
    )
