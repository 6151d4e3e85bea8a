-- A lead is taken away, and why it had no contact.
-- reads: temp leads_to_remove, leads   writes: lead_changes   parameters: account_id, sync_id, now
insert into lead_changes (
    account_id, lead_id, sync_id, kind, field, new_value, changed_at, contact_id, connection_id
)
select
    $account_id, l.id, cast($sync_id as uuid), 'removed', 'crm_inactive_reason', l.crm_inactive_reason,
    cast($now as timestamptz), l.crm_contact_id, l.crm_connection_id
from leads_to_remove r
inner join leads l on l.account_id = $account_id and l.id = r.lead_id
