-- How many leads of an account have texts.
-- reads: recent_threads   grain: one row   parameters: account_id
select count(*) as threads
from recent_threads
where account_id = $account_id
