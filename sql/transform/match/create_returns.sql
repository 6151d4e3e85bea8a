-- Merged leads that a group without a lead may have back: one made for a member, or whose primary contact a member was
-- when it was merged, unless whom it was made for came with it and is here in another group; rather one whose contact
-- came with that merge than one it had before it moved on. So who was merged and is split again has the old id,
-- whoever is the most trusted by now.
-- reads: temp members, temp claims, staging.identity_map, lead_merges   writes: temp returns
-- grain: one row per lead   parameters: account_id
create temp table returns as
with unclaimed as (
    select m.group_no, m.contact_id, m.own_lead_id, m.trust, i.lead_id as from_lead_id, i.matched_at
    from members m
    inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = m.contact_id
    where m.group_no not in (select c.group_no from claims c)
),

wanted as (
    select
        u.group_no,
        u.contact_id,
        u.trust,
        g.lead_id,
        g.merged_at = u.matched_at as came_with_it,
        cast(g.lead ->> 'created_at' as timestamptz) as created_at,
        g.lead_id = u.own_lead_id as is_founder,
        cast(g.lead ->> 'crm_contact_id' as uuid) = u.contact_id as is_primary
    from unclaimed u
    inner join lead_merges g on g.account_id = $account_id and g.into_lead_id = u.from_lead_id
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
        or (is_primary and lead_id not in (select f.lead_id from founders f where f.group_no <> wanted.group_no))
)

select
    group_no,
    contact_id,
    lead_id,
    row_number() over (
        partition by group_no
        order by case when came_with_it then 0 else 1 end, created_at nulls last, cast(lead_id as text) collate "C"
    ) as age
from ranked
where nth = 1
