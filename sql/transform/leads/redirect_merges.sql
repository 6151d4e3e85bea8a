-- An id merged earlier into a lead that is merged now points to where that one went.
-- reads: temp lost_leads   writes: lead_merges   parameters: account_id
update lead_merges
set into_lead_id = o.into_lead_id
from lost_leads o
where lead_merges.account_id = $account_id and lead_merges.into_lead_id = o.lead_id
