-- A contact that a proven complete pass did not show stays away until something that landed since then shows it. What
-- was not read yet has landed since; the clocks of two machines would not tell. Where everything is read again, by a
-- rebuild or because the schema forgot the landings, only times are left to go by.
-- reads: staging.contacts, staging.landings, raw.<provider>_contacts   writes: temp unread_keys
-- parameters: account_id, connection_id, is_rebuild
delete from unread_keys
using staging.contacts c
where
    c.account_id = $account_id
    and c.connection_id = cast($connection_id as uuid)
    and c.content_hash = 'absent'
    and (
        cast($is_rebuild as boolean)
        or not exists (
            select 1 from staging.landings l
            where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
        )
    )
    and c.object_type = unread_keys.object_type
    and c.crm_id = unread_keys.crm_id
    and not exists (
        select 1 from raw.provider_contacts r
        where
            r.account_id = $account_id
            and r.connection_id = $connection_id
            and r.object_type = c.object_type
            and r.crm_id = c.crm_id
            and r.fetched_at >= c.updated_at
    )
