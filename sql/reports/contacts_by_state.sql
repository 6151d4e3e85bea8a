-- How many contacts of an account can be leads, cannot, or are gone.
-- reads: staging.contacts   grain: one row per state   parameters: account_id
select state, count(*) as contacts
from staging.contacts
where account_id = $account_id
group by state
order by state
