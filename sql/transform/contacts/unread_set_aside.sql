-- Records that landing set aside and nobody has read yet (a rebuild reads all); the newest row of each, unless a good
-- one was fetched later, or a complete pass has found the contact absent since.
-- reads: raw.set_aside, raw.<provider>_contacts, staging.landings, staging.contacts
-- grain: one row per record   parameters: account_id, connection_id, is_rebuild
select object_type, crm_id, reason, sample
from (
    select
        a.object_type,
        a.crm_id,
        a.reason,
        a.sample,
        row_number() over (partition by a.object_type, a.crm_id order by a.fetched_at desc, a.reason) as nth
    from raw.set_aside a
    where
        a.account_id = $account_id
        and a.connection_id = $connection_id
        and (
            cast($is_rebuild as boolean)
            or cast(a.sync_id as uuid) not in (
                select l.sync_id from staging.landings l
                where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
            )
        )
        and not exists (
            select 1 from staging.contacts c
            where
                c.account_id = $account_id
                and c.connection_id = cast($connection_id as uuid)
                and c.content_hash = 'absent'
                and c.object_type = a.object_type
                and c.crm_id = a.crm_id
                and c.updated_at > a.fetched_at
        )
        and not exists (
            select 1 from raw.provider_contacts r
            where
                r.account_id = $account_id
                and r.connection_id = $connection_id
                and r.object_type = a.object_type
                and r.crm_id = a.crm_id
                and r.fetched_at > a.fetched_at
        )
) ranked
where nth = 1
