-- What happened to a lead, the newest first, by which sync, and whose contact's value it became.
-- reads: lead_changes, sync_runs, staging.contacts   grain: one row per change
-- parameters: account_id (null where it is not known), lead_id, row_limit (null for all)
select
    c.account_id, c.lead_id, c.kind, c.field, c.old_value, c.new_value, c.changed_at, c.sync_id, r.provider, r.trigger,
    c.contact_id, c.connection_id, k.provider as contact_provider, k.crm_id as contact_crm_id
from lead_changes c
left join sync_runs r on r.account_id = c.account_id and r.sync_id = c.sync_id
left join staging.contacts k on k.account_id = c.account_id and k.contact_id = c.contact_id
where
    (cast($account_id as text) is null or c.account_id = cast($account_id as text))
    and c.lead_id = cast($lead_id as uuid)
order by c.changed_at desc, c.sync_id, c.kind collate "C", c.field collate "C" nulls first
limit cast($row_limit as bigint)
