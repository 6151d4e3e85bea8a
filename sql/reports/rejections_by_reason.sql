-- Why contacts of an account are not leads.
-- reads: staging.rejections   grain: one row per reason, most frequent first   parameters: account_id
select reason, count(*) as contacts
from staging.rejections
where account_id = $account_id
group by reason
order by contacts desc, reason
