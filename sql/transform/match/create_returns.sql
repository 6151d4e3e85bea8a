-- Merged leads that a group may have back from a lead that a member leaves: one made for that member, or, where the
-- group has no lead, one whose primary contact it was when it was merged, unless whom it was made for came with it and
-- is here in another group; rather one whose contact came with that merge than one it had before it moved on. So who
-- was merged and is split again has the old id, whoever is the most trusted by now.
-- reads: temp members, temp claims, staging.identity_map, lead_merges   writes: temp returns
-- grain: one row per lead   parameters: account_id
create temp table returns as
with leaving as (
    select
        m.group_no,
        m.contact_id,
        m.own_lead_id,
        m.trust,
        i.lead_id as from_lead_id,
        i.matched_at,
        m.group_no in (select c.group_no from claims c) as has_a_lead
    from members m
    inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = m.contact_id
    left join claims k on k.group_no = m.group_no and k.lead_id = i.lead_id
    where k.lead_id is null
),

wanted as (
    select
        v.group_no,
        v.contact_id,
        v.trust,
        v.has_a_lead,
        g.lead_id,
        g.merged_at = v.matched_at as came_with_it,
        cast(g.lead ->> 'created_at' as timestamptz) as created_at,
        g.lead_id = v.own_lead_id as is_founder,
        cast(g.lead ->> 'crm_contact_id' as uuid) = v.contact_id as is_primary
    from leaving v
    inner join lead_merges g on g.account_id = $account_id and g.into_lead_id = v.from_lead_id
),

founders as (
    select m.group_no, g.lead_id
    from members m
    inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = m.contact_id
    inner join lead_merges g
        on
            g.account_id = $account_id
            and g.lead_id = m.own_lead_id
            and g.into_lead_id = i.lead_id
            and g.merged_at <= i.matched_at
),

ranked as (
    select
        group_no,
        contact_id,
        lead_id,
        came_with_it,
        created_at,
        row_number() over (
            partition by lead_id
            order by case when is_founder then 0 else 1 end, trust
        ) as nth
    from wanted
    where
        is_founder
        or (
            is_primary
            and not has_a_lead
            and lead_id not in (select f.lead_id from founders f where f.group_no <> wanted.group_no)
        )
)

select
    group_no,
    contact_id,
    lead_id,
    created_at,
    row_number() over (
        partition by group_no
        order by case when came_with_it then 0 else 1 end, created_at nulls last, cast(lead_id as text) collate "C"
    ) as age
from ranked
where nth = 1
