-- How many contacts a complete pass did not show, and how many of the connection we hold as alive (rejected ones
-- included).
-- reads: temp absent_contacts, staging.contacts   grain: one row   parameters: account_id, connection_id
select
    (select count(*) from absent_contacts) as absent,
    count(*) as alive
from staging.contacts
where account_id = $account_id and connection_id = cast($connection_id as uuid) and state <> 'deleted'
