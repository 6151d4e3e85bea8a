-- Of which object types absence is proof, and since when: those that the newest complete pass not read yet has shown
-- to the end. `shown` are its distinct live records; where the CRM counts more, the pass proves nothing. `is_whole`:
-- all records are here that its sync had landed when the proof was written.
-- reads: raw.complete_passes, raw.<provider>_contacts, raw.set_aside, staging.landings   writes: temp proven
-- grain: one row per object type   parameters: account_id, connection_id
create temp table proven as
with unread as (
    select
        coalesce(p.object_type, 'contact') as object_type,
        p.sync_id,
        p.started_at,
        p.expected,
        p.landed,
        row_number() over (
            partition by coalesce(p.object_type, 'contact')
            order by p.started_at desc, p.expected desc nulls last
        ) as nth
    from raw.complete_passes p
    where
        p.account_id = $account_id
        and p.connection_id = $connection_id
        and cast(p.sync_id as uuid) not in (
            select l.sync_id from staging.landings l
            where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
        )
),

arrived as (
    select r.object_type, r.crm_id, r.fetched_at, r.sync_id, r.is_deleted
    from raw.provider_contacts r
    where r.account_id = $account_id and r.connection_id = $connection_id
    union all
    select a.object_type, a.crm_id, a.fetched_at, a.sync_id, false
    from raw.set_aside a
    where a.account_id = $account_id and a.connection_id = $connection_id
),

counted as (
    select u.sync_id, count(*) as records
    from (select distinct sync_id from unread) u
    inner join arrived a on a.sync_id = u.sync_id
    group by u.sync_id
)

select
    u.object_type,
    u.started_at,
    u.expected,
    coalesce(u.landed, 0) <= coalesce(c.records, 0) as is_whole,
    count(distinct a.crm_id) as shown
from unread u
left join counted c on c.sync_id = u.sync_id
left join arrived a on a.object_type = u.object_type and a.fetched_at >= u.started_at and not a.is_deleted
where u.nth = 1
group by u.object_type, u.started_at, u.expected, u.landed, c.records
