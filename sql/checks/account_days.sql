-- What an account had at the end of each of its last days, the newest first.
-- reads: account_days   grain: one row per day   parameters: account_id, today, day_limit
select day, leads, accepted, rejected
from account_days
where account_id = $account_id and day <= cast($today as date)
order by day desc
limit cast($day_limit as bigint)
