-- Ids of the owners that the contacts we hold name, for a CRM that can only be asked for owners one by one.
-- reads: staging.contacts   grain: one row per owner   parameters: account_id, connection_id
select distinct owner_id
from staging.contacts
where
    account_id = $account_id
    and connection_id = cast($connection_id as uuid)
    and state <> 'deleted'
    and owner_id is not null
order by owner_id
