-- The evidence that contacts are one person: phones and e-mails that more than one of the members has, unless too many
-- names share them or they are a function's; and what a person said, as a value that the two share.
-- reads: temp members, temp active_rules, staging.contact_points, staging.guarded_values   writes: temp shared_points
-- grain: one row per member and shared value   parameters: account_id
create temp table shared_points as
select distinct contact_id, kind, match_key
from (
    select
        p.contact_id,
        p.kind,
        p.match_key,
        min(m.trust) over (partition by p.kind, p.match_key) as lowest,
        max(m.trust) over (partition by p.kind, p.match_key) as highest
    from members m
    inner join staging.contact_points p on p.account_id = $account_id and p.contact_id = m.contact_id
    left join staging.guarded_values g
        on g.account_id = $account_id and g.kind = p.kind and g.match_key = p.match_key
    where p.is_evidence and g.match_key is null
) counted
where lowest <> highest
union all
select
    r.contact_id,
    'rule' as kind,
    case
        when cast(r.contact_id as text) collate "C" < cast(r.other_id as text) collate "C"
            then concat(cast(r.contact_id as text), ' ', cast(r.other_id as text))
        else concat(cast(r.other_id as text), ' ', cast(r.contact_id as text))
    end as match_key
from active_rules r
inner join members m on m.contact_id = r.contact_id
inner join members o on o.contact_id = r.other_id
where r.kind = 'together'
