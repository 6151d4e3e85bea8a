-- Whether there is an account of this name, and how much it has: leads, contacts that are none, and threads are counted
-- where they are shown.
-- reads: crm_connections   grain: one row, or none for an unknown account   parameters: account_id
select account_id, count(*) as connections
from crm_connections
where account_id = $account_id
group by account_id
