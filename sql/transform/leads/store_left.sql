-- It stays, marked, so that nobody texts it.
-- reads: temp left_leads   writes: leads   parameters: account_id, now
update leads
set
    crm_inactive_at = cast($now as timestamptz),
    crm_inactive_reason = f.reason,
    last_crm_sync_at = cast($now as timestamptz),
    updated_at = cast($now as timestamptz)
from left_leads f
where leads.account_id = $account_id and leads.id = f.lead_id
