-- Every group with its lead id: the oldest lead it may keep, else the oldest it may have back, else one derived from
-- its most trusted contact. A derived id that another lead bears by now is derived anew from this sync.
-- reads: temp members, temp claims, temp returns, leads   writes: temp lead_groups   grain: one row per group
-- parameters: account_id, sync_id
create temp table lead_groups as
with trusted as (
    select m.group_no, m.contact_id, cast(md5('lead:' || cast(m.contact_id as text)) as uuid) as derived_id
    from (
        select group_no, contact_id, row_number() over (partition by group_no order by trust) as nth
        from members
    ) m
    where m.nth = 1
)

select
    t.group_no,
    coalesce(r.contact_id, t.contact_id) as founder_id,
    c.lead_id is null as is_new,
    coalesce(
        c.lead_id,
        r.lead_id,
        case
            when l.id is null and o.lead_id is null then t.derived_id
            else cast(md5('lead:' || cast(t.contact_id as text) || ':' || $sync_id) as uuid)
        end
    ) as lead_id
from trusted t
left join claims c on c.group_no = t.group_no and c.age = 1
left join returns r on r.group_no = t.group_no and r.age = 1
left join leads l on l.account_id = $account_id and l.id = t.derived_id
left join returns o on o.lead_id = t.derived_id and o.age = 1
