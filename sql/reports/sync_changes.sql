-- What one sync changed, lead by lead.
-- reads: lead_changes, leads   grain: one row per change   parameters: account_id, sync_id, row_limit (null for all)
select c.lead_id, l.name, c.kind, c.field, c.old_value, c.new_value, c.changed_at
from lead_changes c
left join leads l on l.account_id = c.account_id and l.id = c.lead_id
where c.account_id = $account_id and c.sync_id = cast($sync_id as uuid)
order by l.name collate "C" nulls last, c.lead_id, c.kind collate "C", c.field collate "C" nulls first
limit cast($row_limit as bigint)
