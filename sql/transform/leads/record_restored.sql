-- A lead that was removed is there again.
-- reads: temp returning_leads   writes: lead_changes   parameters: account_id, sync_id, now
insert into lead_changes (account_id, lead_id, sync_id, kind, changed_at)
select $account_id, lead_id, cast($sync_id as uuid), 'restored', cast($now as timestamptz)
from returning_leads
