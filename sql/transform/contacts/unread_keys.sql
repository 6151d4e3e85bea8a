-- The contacts to map now: landed and not read yet, or known by a reference that has a new name. A rebuild maps all.
-- reads: raw.<provider>_contacts, staging.landings, staging.contacts, temp changed_references   writes: temp
-- unread_keys
-- grain: one row per contact   parameters: account_id, connection_id, is_rebuild
create temp table unread_keys as
select r.object_type, r.crm_id
from raw.provider_contacts r
where
    r.account_id = $account_id
    and r.connection_id = $connection_id
    and (
        cast($is_rebuild as boolean)
        or cast(r.sync_id as uuid) not in (
            select l.sync_id from staging.landings l
            where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
        )
    )
union
select c.object_type, c.crm_id
from staging.contacts c
inner join changed_references o on o.kind = 'owner' and o.crm_id = c.owner_id
where c.account_id = $account_id and c.connection_id = cast($connection_id as uuid) and c.state <> 'deleted'
union
select c.object_type, c.crm_id
from staging.contacts c
inner join changed_references o on o.kind = 'company' and o.crm_id = c.company_id
where c.account_id = $account_id and c.connection_id = cast($connection_id as uuid) and c.state <> 'deleted'
union
select c.object_type, c.crm_id
from staging.contacts c
inner join changed_references s on s.kind = 'status' and s.crm_id = c.status_id
where c.account_id = $account_id and c.connection_id = cast($connection_id as uuid) and c.state <> 'deleted'
union
select c.object_type, c.crm_id
from staging.contacts c
inner join changed_references s on s.kind = 'stage' and s.crm_id = c.stage_id
where c.account_id = $account_id and c.connection_id = cast($connection_id as uuid) and c.state <> 'deleted'
