-- The contacts in scope that may be leads, each in a group of its own to begin with, in order of trust: connection
-- rank, then latest activity, then latest change, then the CRM's id in text order. `own_lead_id` is the id of the lead
-- that is made for a contact.
-- reads: temp scope, staging.contacts, crm_connections   writes: temp members   grain: one row per contact
-- parameters: account_id, default_rank
create temp table members as
select
    contact_id,
    trust,
    trust as group_no,
    cast(md5(concat('lead:', cast(contact_id as text))) as uuid) as own_lead_id
from (
    select
        c.contact_id,
        cast(row_number() over (
            order by
                coalesce(k.rank, cast($default_rank as integer)),
                c.last_activity_at desc nulls last,
                c.source_updated_at desc nulls last,
                c.crm_id collate "C",
                cast(c.contact_id as text) collate "C"
        ) as bigint) as trust
    from scope s
    inner join staging.contacts c on c.account_id = $account_id and c.contact_id = s.contact_id
    left join crm_connections k on k.account_id = $account_id and k.id = c.connection_id
    where c.state = 'accepted'
) ranked
