-- And the lead it was merged into forgets what it knew only from it.
-- reads: temp changed_leads, lead_merges   writes: leads   parameters: account_id
update leads
set contacted_at = m.into_contacted_at
from lead_merges m
where
    leads.account_id = $account_id
    and m.account_id = $account_id
    and m.into_lead_id = leads.id
    and m.lead_id in (select c.lead_id from changed_leads c where c.is_created)
    and leads.contacted_at = m.contacted_at
    and leads.contacted_at is distinct from m.into_contacted_at
