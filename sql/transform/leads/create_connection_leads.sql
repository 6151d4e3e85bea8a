-- The leads that contacts of this connection are or were behind: how many of those the CRM still has although they may
-- not be leads, how many are a member, and whether the lead was awake before this sync, which neither one that it made
-- nor one that it woke up was.
-- reads: staging.contacts, staging.identity_map, leads, temp changed_leads, temp left_leads
-- writes: temp connection_leads   grain: one row per lead   parameters: account_id, connection_id
create temp table connection_leads as
select
    i.lead_id,
    count(*) filter (where c.state = 'rejected') as rejected,
    count(*) filter (where i.is_member) as members,
    bool_or(
        i.lead_id in (select f.lead_id from left_leads f)
        or (
            l.crm_inactive_at is null
            and i.lead_id not in (select n.lead_id from changed_leads n where n.is_created or n.is_waking)
        )
    ) as was_awake
from staging.contacts c
inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = c.contact_id
inner join leads l on l.account_id = $account_id and l.id = i.lead_id
where c.account_id = $account_id and c.connection_id = cast($connection_id as uuid)
group by i.lead_id
