-- Which leads the groups may keep: those their members have, or the contacts that the CRM merged into a member.
-- A lead claimed by several groups goes to one with a contact that came by itself, and not with a lead that was merged
-- into this one, to one that is here before one that was away, to the one that came first; so a split undoes a merge
-- exactly. Of those who came at once, to the one with the contact it was made for, then to the one with its primary
-- contact, then to the most trusted group.
-- But a group that would have several leaves one to a group that would have none, has a member in it and no merged lead
-- to have back: who goes over to another lead does not take its own along from those who stay; the CRM's own merges do.
-- reads: temp members, staging.identity_map, staging.contact_merges, leads, lead_merges   writes: temp claims
-- grain: one row per lead   parameters: account_id
create temp table claims as
with held as (
    select m.group_no, i.lead_id, i.contact_id, m.own_lead_id, i.is_member, i.matched_at, false as is_handed_on
    from members m
    inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = m.contact_id
    union
    select
        m.group_no,
        i.lead_id,
        i.contact_id,
        cast(md5(concat('lead:', cast(i.contact_id as text))) as uuid) as own_lead_id,
        i.is_member,
        i.matched_at,
        true as is_handed_on
    from members m
    inner join staging.contact_merges g on g.account_id = $account_id and g.into_contact_id = m.contact_id
    inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = g.contact_id
),

merges as (
    select into_lead_id, lead_id, merged_at, cast(lead ->> 'crm_contact_id' as uuid) as contact_id
    from lead_merges
    where account_id = $account_id and into_lead_id in (select h.lead_id from held h)
),

came_along as (
    select
        h.contact_id,
        h.lead_id,
        bool_or(g.contact_id = h.contact_id or g.lead_id = h.own_lead_id) as has_its_own
    from held h
    inner join merges g on g.into_lead_id = h.lead_id
    where g.merged_at = h.matched_at or g.contact_id = h.contact_id or g.lead_id = h.own_lead_id
    group by h.contact_id, h.lead_id
),

ranked as (
    select
        h.group_no,
        h.lead_id,
        h.is_handed_on,
        h.is_member,
        coalesce(a.has_its_own, false) as has_its_own,
        l.created_at,
        row_number() over (
            partition by h.lead_id
            order by
                case when a.contact_id is null then 0 else 1 end,
                case when h.is_member then 0 else 1 end,
                case when h.is_member then h.matched_at end,
                case when h.lead_id = h.own_lead_id then 0 else 1 end,
                case when h.contact_id = l.crm_contact_id then 0 else 1 end,
                h.group_no
        ) as nth
    from held h
    inner join leads l on l.account_id = $account_id and l.id = h.lead_id
    left join came_along a on a.contact_id = h.contact_id and a.lead_id = h.lead_id
),

claimed as (
    select
        group_no,
        lead_id,
        created_at,
        min(nth) as nth,
        bool_or(is_member) and not bool_or(has_its_own) as is_theirs,
        bool_or(is_handed_on) as is_handed_on
    from ranked
    group by group_no, lead_id, created_at
),

preferred as (
    select group_no, lead_id, is_handed_on, count(*) over (partition by group_no) as leads
    from claimed
    where nth = 1
),

wanted as (
    select
        c.group_no,
        c.lead_id,
        c.created_at,
        p.group_no as holder_no,
        p.leads,
        row_number() over (partition by c.lead_id order by c.nth) as nth
    from claimed c
    inner join preferred p on p.lead_id = c.lead_id and p.leads > 1 and not p.is_handed_on
    where c.is_theirs and c.group_no not in (select k.group_no from preferred k)
),

chosen as (
    select
        *,
        row_number() over (partition by group_no order by created_at, cast(lead_id as text) collate "C") as nth_of_group
    from wanted
    where nth = 1
),

given as (
    select
        *,
        row_number() over (
            partition by holder_no
            order by created_at desc, cast(lead_id as text) collate "C" desc
        ) as nth_of_holder
    from chosen
    where nth_of_group = 1
)

select
    coalesce(g.group_no, c.group_no) as group_no,
    c.lead_id,
    c.created_at,
    row_number() over (
        partition by coalesce(g.group_no, c.group_no)
        order by c.created_at, cast(c.lead_id as text) collate "C"
    ) as age
from claimed c
left join given g on g.lead_id = c.lead_id and g.nth_of_holder < g.leads
where c.nth = 1
