-- Contacts that cannot be leads now, with the reason and the CRM's own text that caused it.
-- reads: temp incoming_contacts, temp changed_contacts   writes: staging.rejections
-- parameters: account_id, connection_id, provider, sync_id, now
insert into staging.rejections (
    account_id, contact_id, connection_id, provider, object_type, crm_id, name, reason, value, sync_id, rejected_at
)
select
    $account_id, i.contact_id, cast($connection_id as uuid), $provider, i.object_type, i.crm_id, i.name, i.reason,
    i.reason_value, cast($sync_id as uuid), cast($now as timestamptz)
from incoming_contacts i
inner join changed_contacts c on c.contact_id = i.contact_id
where i.state = 'rejected'
