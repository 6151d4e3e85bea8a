-- Where each member belongs now, and why: the CRM's own merge, a person's rule, a phone, an e-mail, or nobody else.
-- A contact that stays in its lead keeps the reason it came for, for as long as it is true.
-- reads: temp members, temp lead_groups, temp shared_points, staging.identity_map, staging.contact_merges
-- writes: temp placements   grain: one row per member   parameters: account_id
create temp table placements as
with evidence as (
    select
        contact_id,
        min(case when kind = 'rule' then match_key end) as rule,
        min(case when kind = 'phone' then match_key end) as phone,
        min(case when kind = 'email' then match_key end) as email
    from shared_points
    group by contact_id
),

merged as (
    select distinct into_contact_id as contact_id
    from staging.contact_merges
    where account_id = $account_id
),

reasons as (
    select
        m.contact_id,
        m.own_lead_id,
        m.trust,
        g.lead_id,
        g.founder_id = m.contact_id as is_founder,
        g.is_new,
        i.contact_id is not null and i.is_member as was_member,
        i.lead_id as old_lead_id,
        i.matched_by as old_matched_by,
        i.matched_value as old_matched_value,
        e.rule,
        e.phone,
        e.email,
        case
            when i.lead_id = g.lead_id and (i.matched_by in ('crm_id', 'new') or s.contact_id is not null)
                then i.matched_by
            when r.contact_id is not null and not g.is_new then 'crm_id'
            when g.is_new and g.founder_id = m.contact_id then 'new'
            when e.rule is not null then 'rule'
            when e.phone is not null then 'phone'
            when e.email is not null then 'email'
            else 'new'
        end as matched_by,
        s.match_key as standing_value
    from members m
    inner join lead_groups g on g.group_no = m.group_no
    left join staging.identity_map i on i.account_id = $account_id and i.contact_id = m.contact_id
    left join evidence e on e.contact_id = m.contact_id
    left join merged r on r.contact_id = m.contact_id
    left join shared_points s on s.contact_id = m.contact_id and s.kind = i.matched_by and s.match_key = i.matched_value
)

select
    contact_id,
    own_lead_id,
    trust,
    lead_id,
    is_founder,
    is_new,
    was_member,
    old_lead_id,
    matched_by,
    matched_value,
    was_member
    and old_lead_id = lead_id
    and old_matched_by = matched_by
    and old_matched_value is not distinct from matched_value as is_settled
from (
    select
        *,
        case
            when old_lead_id = lead_id and standing_value is not null then standing_value
            when matched_by = 'rule' then rule
            when matched_by = 'phone' then phone
            when matched_by = 'email' then email
        end as matched_value
    from reasons
) reasoned
