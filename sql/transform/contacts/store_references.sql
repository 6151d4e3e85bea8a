-- Keep the newest name of every reference.
-- reads: temp changed_references   writes: staging.crm_references   parameters: account_id, connection_id
insert into staging.crm_references (account_id, connection_id, kind, crm_id, label, email)
select $account_id, cast($connection_id as uuid), kind, crm_id, label, email
from changed_references
where true
on conflict (account_id, connection_id, kind, crm_id)
do update set label = excluded.label, email = excluded.email
