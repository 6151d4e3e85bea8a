-- Every contact of one connection, to be matched as if it had changed, whether it was read now or not. As when it waits
-- for a sync, one that another connection has matched since it was queued counts as new.
-- reads: staging.contacts, staging.match_queue, staging.identity_map   writes: temp taken
-- grain: one row per contact   parameters: account_id, connection_id
create temp table taken as
select
    c.contact_id,
    true as is_changed,
    c.state,
    c.reason,
    m.contact_id is not null and coalesce(q.was_known, true) as was_known
from staging.contacts c
left join staging.match_queue q on q.account_id = $account_id and q.contact_id = c.contact_id
left join staging.identity_map m on m.account_id = $account_id and m.contact_id = c.contact_id
where c.account_id = $account_id and c.connection_id = cast($connection_id as uuid)
