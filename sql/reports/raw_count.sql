-- How many versions of records of an account landed from one CRM.
-- reads: raw.<provider>_contacts   grain: one row   parameters: account_id
select count(*) as records
from raw.provider_contacts
where account_id = $account_id
