-- Values that say nothing about who is one person, with those who have them: shared by too many different names, or the
-- mailbox of a function. A person who looks at them may say who is one all the same.
-- reads: staging.guarded_values, staging.contact_points, staging.contacts, staging.identity_map
-- grain: one row per value and contact shown, all of a value together; the counts are of the value
-- parameters: account_id, row_limit (values; null for all), example_limit (contacts of each)
with doubtful as (
    select g.kind, g.match_key, 'many_names' as why
    from staging.guarded_values g
    where g.account_id = $account_id
    union
    select p.kind, p.match_key, 'role_mailbox' as why
    from staging.contact_points p
    where p.account_id = $account_id and not p.is_evidence
),

holders as (
    select
        v.kind, v.match_key, v.why, p.value, p.extension, c.contact_id, c.provider, c.object_type, c.crm_id, c.name,
        c.name_key, i.lead_id,
        row_number() over (
            partition by v.kind, v.match_key
            order by c.name collate "C", c.crm_id collate "C", cast(c.contact_id as text) collate "C"
        ) as place
    from doubtful v
    inner join staging.contact_points p on p.account_id = $account_id and p.kind = v.kind and p.match_key = v.match_key
    inner join staging.contacts c on c.account_id = $account_id and c.contact_id = p.contact_id
    left join staging.identity_map i on i.account_id = $account_id and i.contact_id = c.contact_id and i.is_member
    where c.state = 'accepted'
),

counted as (
    select
        kind,
        match_key,
        min(value) as value,
        min(extension) as extension,
        count(distinct name_key) as names,
        count(*) as contacts,
        count(distinct lead_id) as leads
    from holders
    group by kind, match_key
    having count(*) > 1
),

listed as (
    select
        *,
        row_number() over (order by contacts desc, kind collate "C" desc, match_key collate "C") as nth,
        count(*) over () as total
    from counted
)

select
    l.value, l.extension, l.match_key, l.kind, h.why, l.names, l.contacts, l.leads, l.total,
    h.contact_id, h.provider, h.object_type, h.crm_id, h.name, h.lead_id
from listed l
inner join holders h on h.kind = l.kind and h.match_key = l.match_key
where
    (cast($row_limit as bigint) is null or l.nth <= cast($row_limit as bigint))
    and h.place <= cast($example_limit as bigint)
order by l.nth, h.place
