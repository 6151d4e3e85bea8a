-- Owners and labels whose name differs from what we hold, from the landings not read yet; the newest row of a
-- reference wins. A rebuild reads all landings.
-- reads: raw.crm_references, staging.landings, staging.crm_references   writes: temp changed_references
-- grain: one row per changed reference   parameters: account_id, connection_id, is_rebuild
create temp table changed_references as
with newest as (
    select
        r.kind,
        r.crm_id,
        r.label,
        r.email,
        row_number() over (partition by r.kind, r.crm_id order by r.fetched_at desc, r.label, r.email) as nth
    from raw.crm_references r
    where
        r.account_id = $account_id
        and r.connection_id = $connection_id
        and (
            cast($is_rebuild as boolean)
            or cast(r.sync_id as uuid) not in (
                select l.sync_id from staging.landings l
                where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
            )
        )
)

select n.kind, n.crm_id, n.label, n.email
from newest n
left join staging.crm_references s
    on
        s.account_id = $account_id
        and s.connection_id = cast($connection_id as uuid)
        and s.kind = n.kind
        and s.crm_id = n.crm_id
where
    n.nth = 1
    and (s.crm_id is null or s.label is distinct from n.label or s.email is distinct from n.email)
