-- Of which object types absence is proof, and since when: those that the newest complete pass not read yet has shown
-- to the end. `shown` are its distinct live records; where the CRM counts more, the pass proves nothing.
-- reads: raw.complete_passes, raw.<provider>_contacts, raw.set_aside, staging.landings   writes: temp proven
-- grain: one row per object type   parameters: account_id, connection_id
create temp table proven as
with unread as (
    select
        coalesce(p.object_type, 'contact') as object_type,
        p.started_at,
        p.expected,
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

seen as (
    select r.object_type, r.crm_id, r.fetched_at
    from raw.provider_contacts r
    where r.account_id = $account_id and r.connection_id = $connection_id and not r.is_deleted
    union all
    select a.object_type, a.crm_id, a.fetched_at
    from raw.set_aside a
    where a.account_id = $account_id and a.connection_id = $connection_id
)

select u.object_type, u.started_at, u.expected, count(distinct s.crm_id) as shown
from unread u
left join seen s on s.object_type = u.object_type and s.fetched_at >= u.started_at
where u.nth = 1
group by u.object_type, u.started_at, u.expected
