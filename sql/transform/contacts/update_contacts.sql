-- Write the contacts that we hold and that changed, and only those.
-- reads: temp incoming_contacts, temp changed_contacts   writes: staging.contacts   parameters: account_id, now
update staging.contacts
set
    state = i.state,
    reason = i.reason,
    name = i.name,
    first_name = i.first_name,
    last_name = i.last_name,
    name_key = i.name_key,
    phone = i.phone,
    email = i.email,
    company = i.company,
    company_id = i.company_id,
    owner_id = i.owner_id,
    owner_name = i.owner_name,
    owner_email = i.owner_email,
    status_id = i.status_id,
    status = i.status,
    stage_id = i.stage_id,
    stage = i.stage,
    description = i.description,
    last_activity_at = i.last_activity_at,
    source_created_at = i.source_created_at,
    source_updated_at = i.source_updated_at,
    content_hash = i.content_hash,
    updated_at = cast($now as timestamptz)
from incoming_contacts i
inner join changed_contacts c on c.contact_id = i.contact_id
where
    staging.contacts.account_id = $account_id
    and staging.contacts.contact_id = i.contact_id
    and not c.is_new
