-- Keep the whole row of every lead that goes, the product's columns included.
-- reads: temp leads_to_remove, leads   writes: removed_leads   parameters: account_id, connection_id, sync_id, now
insert into removed_leads (account_id, lead_id, sync_id, connection_id, reason, removed_at, lead)
select
    $account_id, l.id, cast($sync_id as uuid), cast($connection_id as uuid), l.crm_inactive_reason,
    cast($now as timestamptz), to_json(l)
from leads_to_remove r
inner join leads l on l.account_id = $account_id and l.id = r.lead_id
where true
on conflict (account_id, lead_id) do update set
    sync_id = excluded.sync_id,
    connection_id = excluded.connection_id,
    reason = excluded.reason,
    removed_at = excluded.removed_at,
    lead = excluded.lead
