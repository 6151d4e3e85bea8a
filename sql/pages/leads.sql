-- Leads by their ids, with every column they have, the product's included; in no order.
-- reads: leads   grain: one row per lead   parameters: account_id, ids
select *
from leads
where account_id = $account_id and id in (select unnest(cast($ids as uuid[])))
