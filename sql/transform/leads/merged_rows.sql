-- The rows that leads had before they were merged, of those that a split gives back.
-- reads: temp changed_leads, temp returns, lead_merges   grain: one row per lead   parameters: account_id
select cast(lead as text) as lead
from lead_merges
where
    account_id = $account_id
    and lead_id in (select c.lead_id from changed_leads c where c.is_created)
    and lead_id in (select r.lead_id from returns r)
    and lead is not null
order by lead_id
