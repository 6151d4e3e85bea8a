-- A lead sleeps for another reason than before.
-- reads: temp changed_reasons   writes: lead_changes   parameters: account_id, sync_id, now
insert into lead_changes (
    account_id, lead_id, sync_id, kind, field, old_value, new_value, changed_at, contact_id, connection_id
)
select
    $account_id, lead_id, cast($sync_id as uuid), 'updated', 'crm_inactive_reason', old_reason, reason,
    cast($now as timestamptz), contact_id, connection_id
from changed_reasons
