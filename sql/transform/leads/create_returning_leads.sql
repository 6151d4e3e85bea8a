-- Removed leads that come back: a contact of theirs is here again, or the CRM merged one into a contact that is here.
-- reads: temp scope, staging.contacts, staging.contact_merges, staging.identity_map, removed_leads
-- writes: temp returning_leads   grain: one row per lead   parameters: account_id
create temp table returning_leads as
with present as (
    select c.contact_id
    from scope s
    inner join staging.contacts c on c.account_id = $account_id and c.contact_id = s.contact_id
    where c.state = 'accepted'
),

theirs as (
    select p.contact_id
    from present p
    union
    select g.contact_id
    from present p
    inner join staging.contact_merges g on g.account_id = $account_id and g.into_contact_id = p.contact_id
)

select distinct r.lead_id
from theirs t
inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = t.contact_id
inner join removed_leads r on r.account_id = $account_id and r.lead_id = i.lead_id
