-- Contacts we hold as archived in the CRM: an archive sweep skips them and notices those that came back.
-- reads: staging.contacts   grain: one row per archived contact of the connection
-- parameters: account_id, connection_id
select crm_id, source_updated_at
from staging.contacts
where
    account_id = $account_id
    and connection_id = cast($connection_id as uuid)
    and state = 'deleted'
    and reason = 'deleted'
