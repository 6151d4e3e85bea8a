-- The contacts of one connection that were read and are not matched yet.
-- reads: staging.match_queue, staging.contacts   writes: temp taken
-- grain: one row per contact   parameters: account_id, connection_id
-- A contact that another connection's sync has matched since it was queued counts as new here: that sync did not
-- count it.
create temp table taken as
select
    q.contact_id,
    q.is_changed,
    c.state,
    c.reason,
    coalesce(q.was_known, false) as was_known
from staging.match_queue q
inner join staging.contacts c on c.account_id = q.account_id and c.contact_id = q.contact_id
where q.account_id = $account_id and q.connection_id = cast($connection_id as uuid)
