-- What changes on leads that exist, field by field.
-- reads: temp next_leads, temp changed_leads, leads   writes: lead_changes   grain: one row per changed field
-- parameters: account_id, sync_id, now
insert into lead_changes (account_id, lead_id, sync_id, kind, field, old_value, new_value, changed_at)
select
    $account_id, n.lead_id, cast($sync_id as uuid), 'updated', v.field, v.old_value, v.new_value,
    cast($now as timestamptz)
from changed_leads c
inner join next_leads n on n.lead_id = c.lead_id
inner join leads l on l.account_id = $account_id and l.id = c.lead_id
cross join lateral (
    values
    ('name', l.name, n.name),
    ('first_name', l.first_name, n.first_name),
    ('last_name', l.last_name, n.last_name),
    ('phone', l.phone, n.phone),
    ('email', l.email, n.email),
    ('company', l.company, n.company),
    ('lead_type', l.lead_type, n.lead_type),
    ('crm_id', l.crm_id, n.crm_id),
    ('crm_source', l.crm_source, n.crm_source),
    ('crm_status', l.crm_status, n.crm_status),
    ('crm_stage', l.crm_stage, n.crm_stage),
    ('crm_description', l.crm_description, n.crm_description),
    ('crm_owner', l.crm_owner, n.crm_owner),
    ('crm_owner_email', l.crm_owner_email, n.crm_owner_email),
    ('crm_last_activity_at', cast(l.crm_last_activity_at as text), cast(n.crm_last_activity_at as text))
) as v (field, old_value, new_value)
where v.old_value is distinct from v.new_value
