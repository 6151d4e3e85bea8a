-- The landings that have become contacts now.
-- reads: raw.<provider>_contacts, raw.crm_references, raw.complete_passes, raw.set_aside   writes: staging.landings
-- parameters: account_id, connection_id, now
insert into staging.landings (account_id, connection_id, sync_id, read_at)
select $account_id, cast($connection_id as uuid), cast(s.sync_id as uuid), cast($now as timestamptz)
from (
    select r.sync_id from raw.provider_contacts r
    where r.account_id = $account_id and r.connection_id = $connection_id
    union
    select f.sync_id from raw.crm_references f
    where f.account_id = $account_id and f.connection_id = $connection_id
    union
    select p.sync_id from raw.complete_passes p
    where p.account_id = $account_id and p.connection_id = $connection_id
    union
    select a.sync_id from raw.set_aside a
    where a.account_id = $account_id and a.connection_id = $connection_id
) s
where true
on conflict (account_id, connection_id, sync_id) do nothing
