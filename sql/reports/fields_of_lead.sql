-- Where each field of a lead comes from: the contact whose value it is, then what its other contacts say, in order of
-- trust. A field's source is the most trusted contact that says what the lead says.
-- reads: leads, staging.identity_map, staging.contacts, crm_connections   grain: one row per field and contact with a
-- value   parameters: account_id, lead_id, default_rank
with members as (
    select
        c.contact_id, c.connection_id, c.provider, c.object_type, c.crm_id, c.name, c.first_name, c.last_name, c.phone,
        c.email, c.company, c.status, c.stage, c.description, coalesce(c.owner_name, c.owner_email) as owner,
        c.owner_email, c.last_activity_at,
        row_number() over (
            order by
                coalesce(k.rank, cast($default_rank as integer)),
                c.last_activity_at desc nulls last,
                c.source_updated_at desc nulls last,
                c.crm_id collate "C",
                cast(c.contact_id as text) collate "C"
        ) as trust
    from staging.identity_map i
    inner join staging.contacts c on c.account_id = i.account_id and c.contact_id = i.contact_id
    left join crm_connections k on k.account_id = c.account_id and k.id = c.connection_id
    where i.account_id = $account_id and i.lead_id = cast($lead_id as uuid) and i.is_member
),

said as (
    select
        m.contact_id, m.connection_id, m.provider, m.object_type, m.crm_id, m.trust, v.place, v.field, v.value,
        v.value = v.lead_value as agrees
    from members m
    inner join leads l on l.account_id = $account_id and l.id = cast($lead_id as uuid)
    cross join lateral (
        values
        (1, 'name', m.name, l.name),
        (2, 'first_name', m.first_name, l.first_name),
        (3, 'last_name', m.last_name, l.last_name),
        (4, 'phone', m.phone, l.phone),
        (5, 'email', m.email, l.email),
        (6, 'company', m.company, l.company),
        (7, 'crm_id', m.crm_id, l.crm_id),
        (8, 'crm_source', m.provider, l.crm_source),
        (9, 'lead_type', m.object_type, l.lead_type),
        (10, 'crm_status', m.status, l.crm_status),
        (11, 'crm_stage', m.stage, l.crm_stage),
        (12, 'crm_description', m.description, l.crm_description),
        (13, 'crm_owner', m.owner, l.crm_owner),
        (14, 'crm_owner_email', m.owner_email, l.crm_owner_email),
        (
            15, 'crm_last_activity_at', cast(m.last_activity_at as text), cast(l.crm_last_activity_at as text)
        )
    ) as v (place, field, value, lead_value)
    where v.value is not null
),

ranked as (
    select
        *,
        row_number() over (
            partition by place order by case when agrees then 0 else 1 end, trust
        ) as nth
    from said
)

select
    field, value, contact_id, connection_id, provider, object_type, crm_id, nth,
    nth = 1 and coalesce(agrees, false) as is_source
from ranked
order by place, nth
