-- Where merged leads went, so that an old id still leads to the person.
-- reads: temp lost_leads   writes: lead_merges   parameters: account_id, sync_id, now
insert into lead_merges (account_id, lead_id, into_lead_id, sync_id, merged_at)
select $account_id, lead_id, into_lead_id, cast($sync_id as uuid), cast($now as timestamptz)
from lost_leads
where true
on conflict (account_id, lead_id) do update set
    into_lead_id = excluded.into_lead_id,
    sync_id = excluded.sync_id,
    merged_at = excluded.merged_at
