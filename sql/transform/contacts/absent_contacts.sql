-- Contacts we hold as alive, or are about to, that a proven complete pass did not show. A contact that this reading
-- already knows as deleted or merged is not absent: its reason is known.
-- reads: staging.contacts, temp incoming_contacts, temp proven, raw.<provider>_contacts, raw.set_aside
-- writes: temp absent_contacts   grain: one row per contact   parameters: account_id, connection_id
create temp table absent_contacts as
with alive as (
    select c.contact_id, c.object_type, c.crm_id
    from staging.contacts c
    where
        c.account_id = $account_id
        and c.connection_id = cast($connection_id as uuid)
        and c.state <> 'deleted'
        and c.contact_id not in (select i.contact_id from incoming_contacts i where i.state = 'deleted')
    union
    select i.contact_id, i.object_type, i.crm_id
    from incoming_contacts i
    where i.state <> 'deleted'
),

shown as (
    select r.object_type, r.crm_id
    from raw.provider_contacts r
    inner join proven p on p.object_type = r.object_type and r.fetched_at >= p.started_at
    where r.account_id = $account_id and r.connection_id = $connection_id
    union
    select a.object_type, a.crm_id
    from raw.set_aside a
    inner join proven p on p.object_type = a.object_type and a.fetched_at >= p.started_at
    where a.account_id = $account_id and a.connection_id = $connection_id
)

select l.contact_id, l.object_type, l.crm_id
from alive l
inner join proven p on p.object_type = l.object_type
left join shown s on s.object_type = l.object_type and s.crm_id = l.crm_id
where s.crm_id is null
