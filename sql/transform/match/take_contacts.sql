-- Contacts that a rule is about, as if they had changed; what waits of them for a sync goes on waiting.
-- reads: staging.contacts   writes: temp taken   grain: one row per contact   parameters: account_id, contact_ids
create temp table taken as
select c.contact_id, true as is_changed
from staging.contacts c
where
    c.account_id = $account_id
    and cast(c.contact_id as text) in (select t.id from (select unnest(cast($contact_ids as text[])) as id) t)
