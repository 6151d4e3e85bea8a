-- How many contacts of each kind a complete pass did not show, and how many are alive without it (rejected ones
-- included; those that this reading knows as deleted are not).
-- reads: temp absent_contacts, temp incoming_contacts, temp proven, staging.contacts
-- grain: one row per proven object type   parameters: account_id, connection_id
select
    p.object_type,
    (select count(*) from absent_contacts a where a.object_type = p.object_type) as absent,
    (
        select count(*)
        from (
            select c.contact_id
            from staging.contacts c
            where
                c.account_id = $account_id
                and c.connection_id = cast($connection_id as uuid)
                and c.state <> 'deleted'
                and c.object_type = p.object_type
                and c.contact_id not in (select i.contact_id from incoming_contacts i where i.state = 'deleted')
            union
            select i.contact_id
            from incoming_contacts i
            where i.state <> 'deleted' and i.object_type = p.object_type
        ) known
    ) as alive
from proven p
order by p.object_type
