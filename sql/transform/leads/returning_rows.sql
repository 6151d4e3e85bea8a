-- The rows of the leads that come back, as they were when they were removed.
-- reads: temp returning_leads, removed_leads   grain: one row per lead   parameters: account_id
select cast(lead as text) as lead
from removed_leads
where account_id = $account_id and lead_id in (select b.lead_id from returning_leads b)
order by lead_id
