-- What changes on leads that exist, field by field, and whose contact's value it is now; nobody's where a field becomes
-- empty.
-- reads: temp next_leads, temp changed_leads, temp placements, staging.contacts, leads   writes: lead_changes
-- grain: one row per changed field   parameters: account_id, sync_id, now
insert into lead_changes (
    account_id, lead_id, sync_id, kind, field, old_value, new_value, changed_at, contact_id, connection_id
)
select
    $account_id, n.lead_id, cast($sync_id as uuid), 'updated', v.field, v.old_value, v.new_value,
    cast($now as timestamptz), k.contact_id, k.connection_id
from changed_leads c
inner join next_leads n on n.lead_id = c.lead_id
inner join leads l on l.account_id = $account_id and l.id = c.lead_id
cross join lateral (
    values
    ('name', l.name, n.name, n.name_trust),
    ('first_name', l.first_name, n.first_name, n.name_trust),
    ('last_name', l.last_name, n.last_name, n.name_trust),
    ('phone', l.phone, n.phone, n.phone_trust),
    ('email', l.email, n.email, n.email_trust),
    ('company', l.company, n.company, n.company_trust),
    ('lead_type', l.lead_type, n.lead_type, n.primary_trust),
    ('crm_id', l.crm_id, n.crm_id, n.primary_trust),
    ('crm_source', l.crm_source, n.crm_source, n.primary_trust),
    (
        'crm_connection_id', cast(l.crm_connection_id as text), cast(n.crm_connection_id as text), n.primary_trust
    ),
    ('crm_status', l.crm_status, n.crm_status, n.status_trust),
    ('crm_stage', l.crm_stage, n.crm_stage, n.stage_trust),
    ('crm_description', l.crm_description, n.crm_description, n.description_trust),
    ('crm_owner', l.crm_owner, n.crm_owner, n.owner_trust),
    ('crm_owner_email', l.crm_owner_email, n.crm_owner_email, n.owner_trust),
    (
        'crm_last_activity_at', cast(l.crm_last_activity_at as text), cast(n.crm_last_activity_at as text),
        n.activity_trust
    )
) as v (field, old_value, new_value, trust)
left join placements p on p.trust = v.trust and v.new_value is not null
left join staging.contacts k on k.account_id = $account_id and k.contact_id = p.contact_id
where v.old_value is distinct from v.new_value
