-- A lead without contacts goes to sleep; the contact is the one that left last.
-- reads: temp left_leads   writes: lead_changes   parameters: account_id, sync_id, now
insert into lead_changes (
    account_id, lead_id, sync_id, kind, field, new_value, changed_at, contact_id, connection_id
)
select
    $account_id, lead_id, cast($sync_id as uuid), 'inactive', 'crm_inactive_reason', reason,
    cast($now as timestamptz), contact_id, connection_id
from left_leads
