-- Every group with its lead id: the oldest of the leads it may keep and the one it may have back, else one derived from
-- its most trusted contact. A derived id that another lead bears, or went away with, is somebody's own:
-- then the next one derived from that contact is taken, the same in a preview and in what it foretells.
-- reads: temp members, temp claims, temp returns, leads, lead_merges, removed_leads   writes: temp lead_groups
-- grain: one row per group   parameters: account_id
create temp table lead_groups as
with trusted as (
    select m.group_no, m.contact_id, m.own_lead_id
    from (
        select group_no, contact_id, own_lead_id, row_number() over (partition by group_no order by trust) as nth
        from members
    ) m
    where m.nth = 1
),

placed as (
    select
        t.group_no,
        t.contact_id,
        t.own_lead_id,
        case when r.is_older then null else c.lead_id end as lead_id,
        case when r.is_older or c.lead_id is null then r.lead_id end as returning_id,
        case when r.is_older or c.lead_id is null then r.contact_id end as returning_contact_id
    from trusted t
    left join claims c on c.group_no = t.group_no and c.age = 1
    left join (
        select
            b.group_no,
            b.lead_id,
            b.contact_id,
            b.created_at < k.created_at
            or (
                b.created_at = k.created_at
                and cast(b.lead_id as text) collate "C" < cast(k.lead_id as text) collate "C"
            ) as is_older
        from returns b
        left join claims k on k.group_no = b.group_no and k.age = 1
        where b.age = 1
    ) r on r.group_no = t.group_no
),

derived as (
    select group_no, contact_id, own_lead_id as id
    from placed
    where lead_id is null and returning_id is null
),

contested as (
    select d.group_no, d.contact_id
    from derived d
    inner join leads l on l.account_id = $account_id and l.id = d.id
    union
    select d.group_no, d.contact_id
    from derived d
    inner join lead_merges g on g.account_id = $account_id and g.lead_id = d.id
    union
    select d.group_no, d.contact_id
    from derived d
    inner join removed_leads v on v.account_id = $account_id and v.lead_id = d.id
),

candidates as (
    select
        c.group_no,
        n.nth,
        cast(md5(concat('lead:', cast(c.contact_id as text), ':', cast(n.nth as text))) as uuid) as id
    from contested c
    cross join generate_series(1, 99) as n (nth)
),

found as (
    select n.group_no, min(n.nth) as nth
    from candidates n
    left join leads l on l.account_id = $account_id and l.id = n.id
    left join lead_merges g on g.account_id = $account_id and g.lead_id = n.id
    left join removed_leads v on v.account_id = $account_id and v.lead_id = n.id
    where l.id is null and g.lead_id is null and v.lead_id is null
    group by n.group_no
)

select
    p.group_no,
    coalesce(p.returning_contact_id, p.contact_id) as founder_id,
    p.lead_id is null as is_new,
    coalesce(p.lead_id, p.returning_id, n.id, d.id) as lead_id
from placed p
left join derived d on d.group_no = p.group_no
left join found f on f.group_no = p.group_no
left join candidates n on n.group_no = f.group_no and n.nth = f.nth
