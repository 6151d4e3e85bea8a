-- Absent from a proven complete pass means deleted in the CRM.
-- reads: staging.contacts, temp absent_contacts   writes: temp incoming_contacts   parameters: account_id
insert into incoming_contacts (
    contact_id, object_type, crm_id, state, reason, name, first_name, last_name, owner_id, status_id, stage_id,
    last_activity_at, source_created_at, source_updated_at, content_hash
)
select
    a.contact_id, a.object_type, a.crm_id, 'deleted', 'deleted', c.name, c.first_name, c.last_name, c.owner_id,
    c.status_id, c.stage_id, c.last_activity_at, c.source_created_at, c.source_updated_at, 'absent'
from absent_contacts a
left join staging.contacts c on c.account_id = $account_id and c.contact_id = a.contact_id
