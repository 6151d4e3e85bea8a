-- Leads that came into being, fell off another lead, or woke up: one line each, with the contact they are known by.
-- reads: temp changed_leads, temp next_leads, temp new_lead_origins   writes: lead_changes   grain: one row per lead
-- parameters: account_id, sync_id, now
insert into lead_changes (account_id, lead_id, sync_id, kind, changed_at, contact_id, connection_id)
select
    $account_id, c.lead_id, cast($sync_id as uuid),
    case when c.is_waking then 'active' when o.is_split then 'split' else 'created' end,
    cast($now as timestamptz), n.crm_contact_id, n.crm_connection_id
from changed_leads c
inner join next_leads n on n.lead_id = c.lead_id
left join new_lead_origins o on o.lead_id = c.lead_id
where c.is_created or c.is_waking
