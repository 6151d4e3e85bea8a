-- What the product noted on a lead that is merged moves to the lead it becomes: the latest contact counts.
-- reads: temp lost_leads, leads   writes: leads   parameters: account_id
update leads
set contacted_at = o.contacted_at
from (
    select g.into_lead_id, max(l.contacted_at) as contacted_at
    from lost_leads g
    inner join leads l on l.account_id = $account_id and l.id = g.lead_id
    group by g.into_lead_id
) o
where
    leads.account_id = $account_id
    and leads.id = o.into_lead_id
    and o.contacted_at is not null
    and (leads.contacted_at is null or leads.contacted_at < o.contacted_at)
