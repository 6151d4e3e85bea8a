-- Contacts we hold that were merged away and did not come along themselves: the merge is new, or the contact they
-- became has only now arrived.
-- reads: staging.contacts, staging.contact_merges, temp incoming_merges   writes: temp incoming_contacts
-- parameters: account_id
insert into incoming_contacts (
    contact_id, object_type, crm_id, state, reason, name, first_name, last_name, owner_id, status_id, stage_id,
    last_activity_at, source_created_at, source_updated_at, content_hash
)
select
    c.contact_id, c.object_type, c.crm_id, 'deleted', 'merged_in_crm', c.name, c.first_name, c.last_name, c.owner_id,
    c.status_id, c.stage_id, c.last_activity_at, c.source_created_at, c.source_updated_at, 'merged_in_crm'
from staging.contact_merges m
inner join staging.contacts c on c.account_id = $account_id and c.contact_id = m.contact_id
where
    m.account_id = $account_id
    and m.contact_id not in (select i.contact_id from incoming_contacts i)
    and c.content_hash <> 'merged_in_crm'
    and (
        m.contact_id in (select g.contact_id from incoming_merges g)
        or m.into_contact_id in (select i.contact_id from incoming_contacts i)
    )
    and m.into_contact_id in (
        select k.contact_id from staging.contacts k where k.account_id = $account_id
        union all
        select i.contact_id from incoming_contacts i
    )
