-- Leads that an overwrite took away and that are still away, the newest first.
-- reads: removed_leads, sync_runs   grain: one row per lead
-- parameters: account_id (null for all), lead_id (null for all), sync_id (null for all)
select
    r.account_id, r.lead_id, r.lead ->> 'name' as name, r.lead ->> 'phone' as phone, r.reason, r.removed_at, r.sync_id,
    r.connection_id, s.provider, cast(r.lead as text) as lead
from removed_leads r
left join sync_runs s on s.account_id = r.account_id and s.sync_id = r.sync_id
where
    (cast($account_id as text) is null or r.account_id = cast($account_id as text))
    and (cast($lead_id as uuid) is null or r.lead_id = cast($lead_id as uuid))
    and (cast($sync_id as uuid) is null or r.sync_id = cast($sync_id as uuid))
order by r.removed_at desc, r.account_id collate "C", r.lead_id
