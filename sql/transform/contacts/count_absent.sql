-- How many contacts a complete pass did not show, and how many of the connection are alive without it (rejected ones
-- included; those that this reading knows as deleted are not).
-- reads: temp absent_contacts, temp incoming_contacts, temp proven, staging.contacts   grain: one row
-- parameters: account_id, connection_id
select
    (select count(*) from absent_contacts) as absent,
    count(*) as alive
from staging.contacts
where
    account_id = $account_id
    and connection_id = cast($connection_id as uuid)
    and state <> 'deleted'
    and object_type in (select p.object_type from proven p)
    and contact_id not in (select i.contact_id from incoming_contacts i where i.state = 'deleted')
