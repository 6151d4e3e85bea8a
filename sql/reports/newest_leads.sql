-- The leads that changed last.
-- reads: leads   grain: one row per lead   parameters: account_id, limit
select name, phone, email, company, crm_owner, crm_status, crm_stage, updated_at
from leads
where account_id = $account_id and crm_inactive_at is null
order by updated_at desc, name, id
limit $limit
