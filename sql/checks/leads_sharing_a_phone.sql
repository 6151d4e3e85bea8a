-- Pairs of leads that share a phone, although whoever shares one is one person: the product would text somebody twice.
-- A phone that too many share says nothing of who is who, a pair may be kept apart by a person's word on anybody behind
-- the two, and a contact that waits for its sync to end is not matched yet.
-- Blocking.
-- reads: staging.identity_map, staging.contact_points, staging.guarded_values, staging.match_queue, staging.contacts,
-- staging.contact_merges, identity_rules
-- grain: one row per pair, none where all is well; `total` counts all   parameters: account_id, example_limit
with placed as (
    select i.lead_id, p.match_key
    from staging.identity_map i
    inner join staging.contact_points p on p.account_id = $account_id and p.contact_id = i.contact_id
    left join staging.guarded_values g
        on g.account_id = $account_id and g.kind = p.kind and g.match_key = p.match_key
    left join staging.match_queue q on q.account_id = $account_id and q.contact_id = i.contact_id
    where
        i.account_id = $account_id
        and i.is_member
        and p.kind = 'phone'
        and p.is_evidence
        and g.match_key is null
        and q.contact_id is null
    group by i.lead_id, p.match_key
),

counted as (
    select lead_id, match_key, count(*) over (partition by match_key) as holders
    from placed
),

shared as (
    select lead_id, match_key
    from counted
    where holders > 1
),

pairs as (
    select distinct one.lead_id, other.lead_id as other_lead_id
    from shared one
    inner join shared other on other.match_key = one.match_key and other.lead_id > one.lead_id
),

said as (
    select
        case when c.state = 'accepted' then r.contact_id else coalesce(g.into_contact_id, r.contact_id) end
            as contact_id,
        case when d.state = 'accepted' then r.other_contact_id else coalesce(h.into_contact_id, r.other_contact_id) end
            as other_id
    from identity_rules r
    left join staging.contacts c on c.account_id = $account_id and c.contact_id = r.contact_id
    left join staging.contacts d on d.account_id = $account_id and d.contact_id = r.other_contact_id
    left join staging.contact_merges g on g.account_id = $account_id and g.contact_id = r.contact_id
    left join staging.contact_merges h on h.account_id = $account_id and h.contact_id = r.other_contact_id
    where r.account_id = $account_id and r.kind = 'apart'
),

apart as (
    select i.lead_id, j.lead_id as other_lead_id
    from said s
    inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = s.contact_id and i.is_member
    inner join staging.identity_map j on j.account_id = $account_id and j.contact_id = s.other_id and j.is_member
)

select p.lead_id, p.other_lead_id, count(*) over () as total
from pairs p
where
    not exists (
        select 1 from apart a
        where
            (a.lead_id = p.lead_id and a.other_lead_id = p.other_lead_id)
            or (a.lead_id = p.other_lead_id and a.other_lead_id = p.lead_id)
    )
order by p.lead_id, p.other_lead_id
limit cast($example_limit as bigint)
