-- A contact that a proven complete pass did not show stays away until something fetched since then shows it: what was
-- fetched earlier was known when it was found absent. What a sync of the books has landed that is not read yet was
-- fetched since, whatever the clocks of two machines say; but not what one that died has landed late. Where everything
-- is read again, by a rebuild or because the schema forgot the landings, only times are left to go by.
-- reads: staging.contacts, staging.landings, sync_runs, raw.<provider>_contacts   writes: temp unread_keys
-- parameters: account_id, connection_id, is_rebuild
delete from unread_keys
using staging.contacts c
where
    c.account_id = $account_id
    and c.connection_id = cast($connection_id as uuid)
    and c.content_hash = 'absent'
    and c.object_type = unread_keys.object_type
    and c.crm_id = unread_keys.crm_id
    and not exists (
        select 1 from raw.provider_contacts r
        where
            r.account_id = $account_id
            and r.connection_id = $connection_id
            and r.object_type = c.object_type
            and r.crm_id = c.crm_id
            and (
                r.fetched_at >= c.updated_at
                or r.sync_id in (
                    select cast(u.sync_id as text) from sync_runs u
                    where
                        u.account_id = $account_id
                        and u.connection_id = cast($connection_id as uuid)
                        and u.status not in ('failed', 'interrupted')
                        and not cast($is_rebuild as boolean)
                        and u.sync_id not in (
                            select l.sync_id from staging.landings l
                            where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
                        )
                        and exists (
                            select 1 from staging.landings l
                            where l.account_id = $account_id and l.connection_id = cast($connection_id as uuid)
                        )
                )
            )
    )
