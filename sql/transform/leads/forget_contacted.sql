-- When a split gives a lead back, the lead it was merged into forgets what it knew only from it; what it has of its
-- own, or of others that are still merged into it, stays.
-- reads: temp changed_leads, lead_merges   writes: leads   parameters: account_id
update leads
set contacted_at = k.contacted_at
from (
    select
        m.into_lead_id,
        max(case when c.lead_id is not null then m.contacted_at end) as given_back,
        greatest(
            max(m.into_contacted_at),
            max(case when c.lead_id is null then m.contacted_at end)
        ) as contacted_at
    from lead_merges m
    left join (select c.lead_id from changed_leads c where c.is_created) c on c.lead_id = m.lead_id
    where m.account_id = $account_id
    group by m.into_lead_id
    having count(c.lead_id) > 0
) k
where
    leads.account_id = $account_id
    and leads.id = k.into_lead_id
    and leads.contacted_at = k.given_back
    and leads.contacted_at is distinct from k.contacted_at
