-- Absent from a proven complete pass means deleted in the CRM.
-- reads: staging.contacts, temp absent_contacts   writes: temp incoming_contacts   parameters: account_id
insert into incoming_contacts (
    contact_id, object_type, crm_id, state, reason, name, first_name, last_name, owner_id, status_id, stage_id,
    last_activity_at, source_created_at, source_updated_at, content_hash
)
select
    c.contact_id, c.object_type, c.crm_id, 'deleted', 'deleted', c.name, c.first_name, c.last_name, c.owner_id,
    c.status_id, c.stage_id, c.last_activity_at, c.source_created_at, c.source_updated_at, 'absent'
from staging.contacts c
inner join absent_contacts a on a.contact_id = c.contact_id
where c.account_id = $account_id
