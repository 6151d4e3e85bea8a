-- A lead with every column it has, the product's included.
-- reads: leads   grain: one row   parameters: account_id, lead_id
select *
from leads
where account_id = $account_id and id = cast($lead_id as uuid)
