-- A lead without contacts goes to sleep.
-- reads: temp left_leads   writes: lead_changes   parameters: account_id, sync_id, now
insert into lead_changes (account_id, lead_id, sync_id, kind, field, new_value, changed_at)
select
    $account_id, lead_id, cast($sync_id as uuid), 'inactive', 'crm_inactive_reason', reason,
    cast($now as timestamptz)
from left_leads
