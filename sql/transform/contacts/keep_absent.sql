-- A contact that a proven complete pass did not show stays away until something fetched since then shows it: what was
-- fetched earlier was known when it was found absent, and is read again only by a rebuild.
-- reads: staging.contacts, raw.<provider>_contacts   writes: temp unread_keys   parameters: account_id, connection_id
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
            and r.fetched_at >= c.updated_at
    )
