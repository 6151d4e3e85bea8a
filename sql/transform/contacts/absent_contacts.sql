-- Contacts we hold as alive that a proven complete pass did not show.
-- reads: staging.contacts, raw.<provider>_contacts, raw.set_aside   writes: temp absent_contacts   grain: one row per
-- contact
-- parameters: account_id, connection_id, pass_started_at
create temp table absent_contacts as
select c.contact_id
from staging.contacts c
where
    c.account_id = $account_id
    and c.connection_id = cast($connection_id as uuid)
    and c.state <> 'deleted'
    and not exists (
        select 1 from raw.provider_contacts r
        where
            r.account_id = $account_id
            and r.connection_id = $connection_id
            and r.object_type = c.object_type
            and r.crm_id = c.crm_id
            and r.fetched_at >= cast($pass_started_at as timestamptz)
    )
    and not exists (
        select 1 from raw.set_aside a
        where
            a.account_id = $account_id
            and a.connection_id = $connection_id
            and a.object_type = c.object_type
            and a.crm_id = c.crm_id
            and a.fetched_at >= cast($pass_started_at as timestamptz)
    )
