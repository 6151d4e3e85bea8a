-- Landed rows of one connection that say nothing any more: read, older than the rest is kept, and neither the newest
-- version of their record, nor the one with its newest change, nor the one fetched last. Those three are all that a
-- later reading, or a rebuild, can ask for; a pass that is not read yet keeps what it has shown.
-- reads: raw.<provider>_contacts, raw.complete_passes, staging.landings   writes: temp stale_versions
-- grain: one row per version   parameters: account_id, connection_id, before
create temp table stale_versions as
with dated as (
    select
        object_type,
        crm_id,
        sync_id,
        source_updated_at,
        fetched_at,
        payload_hash,
        coalesce(
            source_updated_at,
            max(source_updated_at) over (partition by object_type, crm_id),
            fetched_at
        ) as changed_at
    from raw.provider_contacts
    where account_id = $account_id and connection_id = $connection_id
),

ranked as (
    select
        object_type,
        crm_id,
        sync_id,
        source_updated_at,
        fetched_at,
        payload_hash,
        rank() over (
            partition by object_type, crm_id order by changed_at desc, fetched_at desc, payload_hash
        ) as as_read,
        rank() over (
            partition by object_type, crm_id order by source_updated_at desc nulls last, fetched_at desc, payload_hash
        ) as as_changed,
        rank() over (partition by object_type, crm_id order by fetched_at desc, payload_hash) as as_fetched
    from dated
)

select distinct r.object_type, r.crm_id, r.sync_id, r.source_updated_at, r.fetched_at, r.payload_hash
from ranked r
where
    r.as_read > 1
    and r.as_changed > 1
    and r.as_fetched > 1
    and r.fetched_at < cast($before as timestamptz)
    and cast(r.sync_id as uuid) in (
        select l.sync_id from staging.landings l
        where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
    )
    and not exists (
        select 1 from raw.complete_passes p
        where
            p.account_id = $account_id
            and p.connection_id = $connection_id
            and p.started_at <= r.fetched_at
            and cast(p.sync_id as uuid) not in (
                select l.sync_id from staging.landings l
                where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
            )
    )
