-- Leads that may be texted although no contact of any CRM is behind them.
-- Blocking.
-- reads: leads, staging.identity_map   grain: one row per lead, none where all is well; `total` counts all
-- parameters: account_id, example_limit
select l.id as lead_id, count(*) over () as total
from leads l
where
    l.account_id = $account_id
    and l.crm_inactive_at is null
    and l.id not in (
        select i.lead_id from staging.identity_map i
        where i.account_id = $account_id and i.is_member
    )
order by l.id
limit cast($example_limit as bigint)
