-- The leads that changed; the product's own columns are not named here and so never written.
-- reads: temp next_leads, temp changed_leads   writes: leads   parameters: account_id, now
insert into leads (
    account_id, id, name, first_name, last_name, phone, email, company, lead_type, crm_id, crm_source,
    crm_connection_id, crm_contact_id, crm_status, crm_stage, crm_description, crm_owner, crm_owner_email,
    crm_last_activity_at, last_crm_sync_at, created_at, updated_at
)
select
    $account_id, n.lead_id, n.name, n.first_name, n.last_name, n.phone, n.email, n.company, n.lead_type, n.crm_id,
    n.crm_source, n.crm_connection_id, n.crm_contact_id, n.crm_status, n.crm_stage, n.crm_description, n.crm_owner,
    n.crm_owner_email, n.crm_last_activity_at, cast($now as timestamptz), cast($now as timestamptz),
    cast($now as timestamptz)
from next_leads n
inner join changed_leads c on c.lead_id = n.lead_id
where true
on conflict (account_id, id) do update set
    name = excluded.name,
    first_name = excluded.first_name,
    last_name = excluded.last_name,
    phone = excluded.phone,
    email = excluded.email,
    company = excluded.company,
    lead_type = excluded.lead_type,
    crm_id = excluded.crm_id,
    crm_source = excluded.crm_source,
    crm_connection_id = excluded.crm_connection_id,
    crm_contact_id = excluded.crm_contact_id,
    crm_status = excluded.crm_status,
    crm_stage = excluded.crm_stage,
    crm_description = excluded.crm_description,
    crm_owner = excluded.crm_owner,
    crm_owner_email = excluded.crm_owner_email,
    crm_last_activity_at = excluded.crm_last_activity_at,
    crm_inactive_at = null,
    crm_inactive_reason = null,
    last_crm_sync_at = excluded.last_crm_sync_at,
    updated_at = excluded.updated_at
