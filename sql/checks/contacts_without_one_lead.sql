-- Contacts whose place is wrong: accepted and in no lead, or in a lead that is not there, or in one although they are
-- rejected or deleted. One that waits for its sync to end has no place yet.
-- Blocking.
-- reads: staging.contacts, staging.identity_map, staging.match_queue, leads
-- grain: one row per contact, none where all is well; `total` counts all   parameters: account_id, example_limit
select
    c.contact_id,
    c.provider,
    c.crm_id,
    case
        when c.state <> 'accepted' then 'is in a lead although it may not be'
        when i.contact_id is null then 'is in no lead'
        else 'is in a lead that is not there'
    end as what,
    count(*) over () as total
from staging.contacts c
left join staging.identity_map i on i.account_id = $account_id and i.contact_id = c.contact_id and i.is_member
left join leads l on l.account_id = $account_id and l.id = i.lead_id
left join staging.match_queue q on q.account_id = $account_id and q.contact_id = c.contact_id
where
    c.account_id = $account_id
    and q.contact_id is null
    and ((c.state = 'accepted' and l.id is null) or (c.state <> 'accepted' and i.contact_id is not null))
order by c.provider collate "C", c.crm_id collate "C", c.contact_id
limit cast($example_limit as bigint)
