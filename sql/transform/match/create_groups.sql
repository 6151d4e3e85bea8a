-- Every group with its lead id: the oldest lead it may keep, else the oldest it may have back, else one derived from
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
        c.lead_id,
        r.lead_id as returning_id,
        r.contact_id as returning_contact_id
    from trusted t
    left join claims c on c.group_no = t.group_no and c.age = 1
    left join returns r on r.group_no = t.group_no and r.age = 1
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
