-- Leads that turned out to be the same person as another.
-- reads: temp lost_leads   writes: lead_changes   parameters: account_id, sync_id, now
insert into lead_changes (account_id, lead_id, sync_id, kind, field, new_value, changed_at)
select
    $account_id, lead_id, cast($sync_id as uuid), 'merged', 'into_lead_id', cast(into_lead_id as text),
    cast($now as timestamptz)
from lost_leads
