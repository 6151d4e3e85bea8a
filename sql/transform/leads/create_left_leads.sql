-- Leads in scope that no contact is a member of any more, with the reason of the contact that left last.
-- reads: temp scope, temp placements, temp lost_leads, staging.identity_map, staging.contacts, leads   writes: temp
-- left_leads
-- grain: one row per lead   parameters: account_id
create temp table left_leads as
select lead_id, reason, contact_id, connection_id
from (
    select
        i.lead_id,
        c.contact_id,
        c.connection_id,
        coalesce(c.reason, 'moved') as reason,
        row_number() over (
            partition by i.lead_id
            order by
                case when i.contact_id = l.crm_contact_id then 0 else 1 end,
                c.updated_at desc,
                c.crm_id collate "C"
        ) as nth
    from scope s
    inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = s.contact_id
    inner join leads l on l.account_id = $account_id and l.id = i.lead_id
    inner join staging.contacts c on c.account_id = $account_id and c.contact_id = i.contact_id
    where
        i.lead_id not in (select p.lead_id from placements p)
        and i.lead_id not in (select o.lead_id from lost_leads o)
        and l.crm_inactive_at is null
) ranked
where nth = 1
