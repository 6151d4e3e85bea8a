-- It says so; since when it sleeps stays.
-- reads: temp changed_reasons   writes: leads   parameters: account_id, now
update leads
set
    crm_inactive_reason = r.reason,
    last_crm_sync_at = cast($now as timestamptz),
    updated_at = cast($now as timestamptz)
from changed_reasons r
where leads.account_id = $account_id and leads.id = r.lead_id
