-- Which landed row of each unread contact is the newest: by the CRM's own time of change, then by when we fetched it.
-- So a row older than the one we hold never wins, and an archived or restored record does although its time stands
-- still. A row without a time, like an entry of a list of deleted ids, counts as of the newest change we know.
-- reads: raw.<provider>_contacts, temp unread_keys   writes: temp newest_versions   grain: one row per contact
-- parameters: account_id, connection_id
create temp table newest_versions as
with versions as (
    select
        r.account_id,
        r.connection_id,
        r.object_type,
        r.crm_id,
        r.source_updated_at,
        r.fetched_at,
        r.payload_hash,
        coalesce(
            r.source_updated_at,
            max(r.source_updated_at) over (partition by r.object_type, r.crm_id),
            r.fetched_at
        ) as changed_at
    from raw.provider_contacts r
    inner join unread_keys u on u.object_type = r.object_type and u.crm_id = r.crm_id
    where r.account_id = $account_id and r.connection_id = $connection_id
),

ranked as (
    select
        account_id,
        connection_id,
        object_type,
        crm_id,
        source_updated_at,
        fetched_at,
        payload_hash,
        row_number() over (
            partition by object_type, crm_id
            order by changed_at desc, fetched_at desc, payload_hash
        ) as nth
    from versions
)

select account_id, connection_id, object_type, crm_id, source_updated_at, fetched_at, payload_hash
from ranked
where nth = 1
