-- What happened to a lead, the newest first, and by which sync.
-- reads: lead_changes, sync_runs   grain: one row per change   parameters: lead_id
select
    c.account_id, c.lead_id, c.kind, c.field, c.old_value, c.new_value, c.changed_at, c.sync_id, r.provider, r.trigger
from lead_changes c
left join sync_runs r on r.account_id = c.account_id and r.sync_id = c.sync_id
where c.lead_id = cast($lead_id as uuid)
order by c.changed_at desc, c.sync_id, c.kind collate "C", c.field collate "C" nulls first
