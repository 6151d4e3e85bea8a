-- Write the contacts that changed, and only those.
-- reads: temp incoming_contacts, temp changed_contacts   writes: staging.contacts
-- parameters: account_id, connection_id, provider, now
insert into staging.contacts (
    account_id, contact_id, connection_id, provider, object_type, crm_id, state, reason, name, first_name, last_name,
    phone, email, company, owner_id, owner_name, owner_email, status_id, status, stage_id, stage, description,
    last_activity_at, source_created_at, source_updated_at, content_hash, updated_at
)
select
    $account_id, i.contact_id, cast($connection_id as uuid), $provider, i.object_type, i.crm_id, i.state, i.reason,
    i.name, i.first_name, i.last_name, i.phone, i.email, i.company, i.owner_id, i.owner_name, i.owner_email,
    i.status_id, i.status, i.stage_id, i.stage, i.description, i.last_activity_at, i.source_created_at,
    i.source_updated_at, i.content_hash, cast($now as timestamptz)
from incoming_contacts i
inner join changed_contacts c on c.contact_id = i.contact_id
where true
on conflict (account_id, contact_id) do update set
    state = excluded.state,
    reason = excluded.reason,
    name = excluded.name,
    first_name = excluded.first_name,
    last_name = excluded.last_name,
    phone = excluded.phone,
    email = excluded.email,
    company = excluded.company,
    owner_id = excluded.owner_id,
    owner_name = excluded.owner_name,
    owner_email = excluded.owner_email,
    status_id = excluded.status_id,
    status = excluded.status,
    stage_id = excluded.stage_id,
    stage = excluded.stage,
    description = excluded.description,
    last_activity_at = excluded.last_activity_at,
    source_created_at = excluded.source_created_at,
    source_updated_at = excluded.source_updated_at,
    content_hash = excluded.content_hash,
    updated_at = excluded.updated_at
