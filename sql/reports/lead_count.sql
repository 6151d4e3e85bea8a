-- How many leads an account has.
-- reads: leads   grain: one row   parameters: account_id
select count(*) as leads
from leads
where account_id = $account_id
