-- What one sync did, lead by lead: leads that went first, then those that changed, then new ones with all their values.
-- Read inside the transaction of a preview, or after an applied sync and before the next one.
-- reads: lead_changes, leads, lead_merges, removed_leads, staging.contacts   grain: one row per changed field
-- parameters: account_id, sync_id, lead_limit (null for all)
with changes as (
    select
        c.lead_id, c.kind, c.field, c.old_value, c.new_value, c.contact_id, c.connection_id,
        coalesce(l.name, r.lead ->> 'name', m.lead ->> 'name') as name,
        case c.kind when 'removed' then 0 when 'inactive' then 1 when 'merged' then 2 when 'split' then 4
            when 'created' then 5 else 3 end as weight
    from lead_changes c
    left join leads l on l.account_id = c.account_id and l.id = c.lead_id
    left join removed_leads r on r.account_id = c.account_id and r.lead_id = c.lead_id
    left join lead_merges m on m.account_id = c.account_id and m.lead_id = c.lead_id
    where c.account_id = $account_id and c.sync_id = cast($sync_id as uuid)
),

weighed as (
    select *, min(weight) over (partition by lead_id) as first_weight
    from changes
),

placed as (
    select *, dense_rank() over (order by first_weight, name collate "C" nulls last, lead_id) as place
    from weighed
),

shown as (
    select *
    from placed
    where cast($lead_limit as bigint) is null or place <= cast($lead_limit as bigint)
),

made as (
    select s.lead_id, s.name, s.kind, v.field, v.value, s.contact_id, s.connection_id, s.place
    from shown s
    inner join leads l on l.account_id = $account_id and l.id = s.lead_id
    cross join lateral (
        values
        ('name', l.name),
        ('first_name', l.first_name),
        ('last_name', l.last_name),
        ('phone', l.phone),
        ('email', l.email),
        ('company', l.company),
        ('lead_type', l.lead_type),
        ('crm_id', l.crm_id),
        ('crm_source', l.crm_source),
        ('crm_status', l.crm_status),
        ('crm_stage', l.crm_stage),
        ('crm_description', l.crm_description),
        ('crm_owner', l.crm_owner),
        ('crm_owner_email', l.crm_owner_email),
        ('crm_last_activity_at', cast(l.crm_last_activity_at as text))
    ) as v (field, value)
    where s.kind in ('created', 'split') and v.value is not null
),

told as (
    select lead_id, name, kind, field, old_value, new_value, contact_id, connection_id, place
    from shown
    where kind not in ('created', 'split')
    union all
    select lead_id, name, kind, field, null as old_value, value as new_value, null, null, place
    from made
)

select
    t.lead_id, t.name, t.kind, t.field, t.old_value, t.new_value, k.provider, k.crm_id, t.contact_id, t.connection_id
from told t
left join staging.contacts k on k.account_id = $account_id and k.contact_id = t.contact_id
order by t.place, t.kind collate "C", t.field collate "C" nulls first
