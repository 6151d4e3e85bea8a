-- Which leads the groups may keep: those their members have, or the contacts that the CRM merged into a member.
-- A lead claimed by several groups goes to the one with the contact it was made for, if that never left it; else to one
-- with a contact that came by itself, and not with a lead that was merged into this one, to the one that came first; so
-- a split undoes a merge exactly. Then to the one with its primary contact, then to the most trusted group.
-- reads: temp members, staging.identity_map, staging.contact_merges, leads, lead_merges   writes: temp claims
-- grain: one row per lead   parameters: account_id
create temp table claims as
with held as (
    select m.group_no, i.lead_id, i.contact_id, i.is_member, i.matched_at
    from members m
    inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = m.contact_id
    union
    select m.group_no, i.lead_id, i.contact_id, i.is_member, i.matched_at
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
    select h.contact_id, h.lead_id
    from held h
    inner join merges g on g.into_lead_id = h.lead_id and g.merged_at = h.matched_at
    union
    select h.contact_id, h.lead_id
    from held h
    inner join merges g on g.into_lead_id = h.lead_id and g.contact_id = h.contact_id
    union
    select h.contact_id, h.lead_id
    from held h
    inner join merges g
        on g.into_lead_id = h.lead_id and g.lead_id = cast(md5(concat('lead:', cast(h.contact_id as text))) as uuid)
),

ranked as (
    select
        h.group_no,
        h.lead_id,
        l.created_at,
        row_number() over (
            partition by h.lead_id
            order by
                case
                    when not h.is_member then 3
                    when h.lead_id = cast(md5(concat('lead:', cast(h.contact_id as text))) as uuid) then 0
                    when a.contact_id is null then 1
                    else 2
                end,
                case when h.is_member then h.matched_at end,
                case when h.contact_id = l.crm_contact_id then 0 else 1 end,
                h.group_no
        ) as nth
    from held h
    inner join leads l on l.account_id = $account_id and l.id = h.lead_id
    left join came_along a on a.contact_id = h.contact_id and a.lead_id = h.lead_id
)

select
    group_no,
    lead_id,
    row_number() over (partition by group_no order by created_at, cast(lead_id as text) collate "C") as age
from ranked
where nth = 1
