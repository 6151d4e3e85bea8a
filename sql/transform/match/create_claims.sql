-- Which leads the groups may keep: those their members have, or the contacts that the CRM merged into a member.
-- A lead claimed by several groups goes to the one with the contact it was made for, if that never left it; else to the
-- one with a contact that came by itself and not with a lead that was merged into this one, or came with the earliest,
-- so that a split undoes a merge exactly; then to the one with its primary contact, then to the most trusted group.
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
    select distinct into_lead_id, merged_at
    from lead_merges
    where account_id = $account_id and into_lead_id in (select h.lead_id from held h)
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
                    when h.lead_id = cast(md5('lead:' || cast(h.contact_id as text)) as uuid) then 0
                    when g.into_lead_id is null then 1
                    else 2
                end,
                g.merged_at,
                case when h.contact_id = l.crm_contact_id then 0 else 1 end,
                h.group_no
        ) as nth
    from held h
    inner join leads l on l.account_id = $account_id and l.id = h.lead_id
    left join merges g on g.into_lead_id = h.lead_id and g.merged_at = h.matched_at
)

select
    group_no,
    lead_id,
    row_number() over (partition by group_no order by created_at, cast(lead_id as text) collate "C") as age
from ranked
where nth = 1
