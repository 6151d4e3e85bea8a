-- Every group with its lead id: the oldest lead it may keep, else one derived from its most trusted contact.
-- A derived id that another lead bears by now is derived anew from this sync.
-- reads: temp members, temp claims, leads, staging.identity_map   writes: temp lead_groups   grain: one row per group
-- parameters: account_id, sync_id
create temp table lead_groups as
with founders as (
    select m.group_no, m.contact_id, cast(md5('lead:' || cast(m.contact_id as text)) as uuid) as derived_id
    from (
        select group_no, contact_id, row_number() over (partition by group_no order by trust) as nth
        from members
    ) m
    where m.nth = 1
)

select
    f.group_no,
    f.contact_id as founder_id,
    c.lead_id is null as is_new,
    coalesce(
        c.lead_id,
        case
            when l.id is null then f.derived_id
            else cast(md5('lead:' || cast(f.contact_id as text) || ':' || $sync_id) as uuid)
        end
    ) as lead_id
from founders f
left join claims c on c.group_no = f.group_no and c.age = 1
left join leads l on l.account_id = $account_id and l.id = f.derived_id
