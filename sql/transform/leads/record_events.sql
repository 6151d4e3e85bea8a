-- Leads that came into being, fell off another lead, or woke up: one line each.
-- reads: temp changed_leads, temp new_lead_origins   writes: lead_changes   grain: one row per lead
-- parameters: account_id, sync_id, now
insert into lead_changes (account_id, lead_id, sync_id, kind, changed_at)
select
    $account_id, c.lead_id, cast($sync_id as uuid),
    case when c.is_waking then 'active' when o.is_split then 'split' else 'created' end,
    cast($now as timestamptz)
from changed_leads c
left join new_lead_origins o on o.lead_id = c.lead_id
where c.is_created or c.is_waking
