-- Names of owners and labels that were read, and that have a newer one.
-- reads: raw.crm_references, staging.landings   writes: raw.crm_references
-- parameters: account_id, connection_id, before
delete from raw.crm_references
where
    crm_references.account_id = $account_id
    and crm_references.connection_id = $connection_id
    and crm_references.fetched_at < cast($before as timestamptz)
    and cast(crm_references.sync_id as uuid) in (
        select l.sync_id from staging.landings l
        where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
    )
    and exists (
        select 1 from raw.crm_references n
        where
            n.account_id = $account_id
            and n.connection_id = $connection_id
            and n.kind = crm_references.kind
            and n.crm_id = crm_references.crm_id
            and n.fetched_at > crm_references.fetched_at
    )
