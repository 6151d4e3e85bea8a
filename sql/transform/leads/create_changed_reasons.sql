-- Leads that sleep already, and whose contact may not be a lead for another reason by now: the contact they are known
-- by, while it is theirs.
-- reads: temp scope, temp placements, temp lost_leads, staging.identity_map, staging.contacts, leads
-- writes: temp changed_reasons   grain: one row per lead   parameters: account_id
create temp table changed_reasons as
select l.id as lead_id, l.crm_inactive_reason as old_reason, c.reason, c.contact_id, c.connection_id
from scope s
inner join staging.contacts c on c.account_id = $account_id and c.contact_id = s.contact_id
inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = s.contact_id
inner join leads l on l.account_id = $account_id and l.id = i.lead_id and l.crm_contact_id = s.contact_id
where
    l.crm_inactive_at is not null
    and c.reason is not null
    and c.reason is distinct from l.crm_inactive_reason
    and l.id not in (select p.lead_id from placements p)
    and l.id not in (select o.lead_id from lost_leads o)
