-- Keep the whole row of every lead that goes, the product's columns included. A name alone means a column before it
-- means the whole row, so the table has a name here that no column will have.
-- reads: temp leads_to_remove, leads   writes: removed_leads   parameters: account_id, connection_id, sync_id, now
insert into removed_leads (account_id, lead_id, sync_id, connection_id, reason, removed_at, lead)
select
    $account_id, removed_lead_row.id, cast($sync_id as uuid), cast($connection_id as uuid),
    removed_lead_row.crm_inactive_reason, cast($now as timestamptz), to_json(removed_lead_row)
from leads_to_remove r
inner join leads removed_lead_row on removed_lead_row.account_id = $account_id and removed_lead_row.id = r.lead_id
where true
on conflict (account_id, lead_id) do update set
    sync_id = excluded.sync_id,
    connection_id = excluded.connection_id,
    reason = excluded.reason,
    removed_at = excluded.removed_at,
    lead = excluded.lead
