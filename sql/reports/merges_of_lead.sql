-- Leads that turned out to be the same person as this one, the last first.
-- reads: lead_merges, sync_runs   grain: one row per merged lead   parameters: account_id, lead_id
select
    m.lead_id, m.lead ->> 'name' as name, m.lead ->> 'phone' as phone, m.merged_at, m.sync_id, s.provider, s.trigger
from lead_merges m
left join sync_runs s on s.account_id = m.account_id and s.sync_id = m.sync_id
where m.account_id = $account_id and m.into_lead_id = cast($lead_id as uuid)
order by m.merged_at desc, m.lead_id
