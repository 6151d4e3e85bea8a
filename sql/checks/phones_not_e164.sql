-- Phones that are not written as E.164, of leads and of their contacts: nobody can be reached by them.
-- Blocking.
-- reads: leads, staging.contact_points, staging.identity_map
-- grain: one row per lead, none where all is well; `total` counts all   parameters: account_id, example_limit
with phones as (
    select l.id as lead_id, l.phone
    from leads l
    where l.account_id = $account_id
    union
    select i.lead_id, p.value as phone
    from staging.contact_points p
    inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = p.contact_id and i.is_member
    where p.account_id = $account_id and p.kind = 'phone'
),

wrong as (
    select distinct lead_id
    from phones
    where not (phone similar to '\+[1-9][0-9]{6,14}')
)

select lead_id, count(*) over () as total
from wrong
order by lead_id
limit cast($example_limit as bigint)
