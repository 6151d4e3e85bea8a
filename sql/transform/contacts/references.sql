-- The owners and labels of a connection.
-- reads: staging.crm_references   grain: one row per reference   parameters: account_id, connection_id
select kind, crm_id, label, email
from staging.crm_references
where account_id = $account_id and connection_id = cast($connection_id as uuid)
