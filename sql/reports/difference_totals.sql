-- To how many leads one sync did what; `total` counts each lead once.
-- reads: lead_changes   grain: one row per kind   parameters: account_id, sync_id
select kind, count(distinct lead_id) as leads
from lead_changes
where account_id = $account_id and sync_id = cast($sync_id as uuid)
group by kind
union all
select 'total' as kind, count(distinct lead_id) as leads
from lead_changes
where account_id = $account_id and sync_id = cast($sync_id as uuid)
order by kind
