-- A lead that a split gives back takes along when it had been contacted itself.
-- reads: temp changed_leads, lead_merges   writes: leads   parameters: account_id
update leads
set contacted_at = m.contacted_at
from lead_merges m
where
    leads.account_id = $account_id
    and m.account_id = $account_id
    and m.lead_id = leads.id
    and leads.id in (select c.lead_id from changed_leads c where c.is_created)
