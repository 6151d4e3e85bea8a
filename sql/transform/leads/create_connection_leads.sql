-- The leads that contacts of this connection are or were behind, and how many of those the CRM still has although they
-- may not be leads.
-- reads: staging.contacts, staging.identity_map, leads   writes: temp connection_leads   grain: one row per lead
-- parameters: account_id, connection_id
create temp table connection_leads as
select i.lead_id, count(*) filter (where c.state = 'rejected') as rejected
from staging.contacts c
inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = c.contact_id
inner join leads l on l.account_id = $account_id and l.id = i.lead_id
where c.account_id = $account_id and c.connection_id = cast($connection_id as uuid)
group by i.lead_id
