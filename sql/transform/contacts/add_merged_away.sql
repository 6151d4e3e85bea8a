-- Contacts we hold that were merged away and did not come along themselves.
-- reads: staging.contacts, temp incoming_merges   writes: temp incoming_contacts   parameters: account_id
insert into incoming_contacts (
    contact_id, object_type, crm_id, state, reason, name, first_name, last_name, owner_id, status_id, stage_id,
    last_activity_at, source_created_at, source_updated_at, content_hash
)
select
    c.contact_id, c.object_type, c.crm_id, 'deleted', 'merged_in_crm', c.name, c.first_name, c.last_name, c.owner_id,
    c.status_id, c.stage_id, c.last_activity_at, c.source_created_at, c.source_updated_at, 'merged_in_crm'
from staging.contacts c
where
    c.account_id = $account_id
    and c.contact_id in (select m.contact_id from incoming_merges m)
    and c.contact_id not in (select i.contact_id from incoming_contacts i)
    and c.content_hash <> 'merged_in_crm'
