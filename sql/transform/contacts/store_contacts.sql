-- Write the contacts that are new, or were dropped to be written anew. No "on conflict": for it DuckDB gathers whole
-- rows by key, in memory that it cannot move to disk, and a first sync of 300,000 contacts failed.
-- reads: temp incoming_contacts, temp changed_contacts   writes: staging.contacts
-- parameters: account_id, connection_id, provider, are_dropped, now
insert into staging.contacts (
    account_id, contact_id, connection_id, provider, object_type, crm_id, state, reason, name, first_name, last_name,
    name_key, phone, email, company, company_id, owner_id, owner_name, owner_email, status_id, status, stage_id, stage,
    description, last_activity_at, source_created_at, source_updated_at, content_hash, updated_at
)
select
    $account_id, i.contact_id, cast($connection_id as uuid), $provider, i.object_type, i.crm_id, i.state, i.reason,
    i.name, i.first_name, i.last_name, i.name_key, i.phone, i.email, i.company, i.company_id, i.owner_id, i.owner_name,
    i.owner_email, i.status_id, i.status, i.stage_id, i.stage, i.description, i.last_activity_at, i.source_created_at,
    i.source_updated_at, i.content_hash, cast($now as timestamptz)
from incoming_contacts i
inner join changed_contacts c on c.contact_id = i.contact_id
where c.is_new or cast($are_dropped as boolean)
