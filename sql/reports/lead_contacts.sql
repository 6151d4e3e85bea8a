-- Who is behind the leads of an account: their contacts in the CRMs, what was typed there, and why each is that person.
-- What was typed is the phone or e-mail that a contact was matched by, or else its first phone.
-- reads: leads, staging.identity_map, staging.contacts, staging.contact_points   grain: one row per contact of a lead
-- parameters: account_id
with members as (
    select
        l.id as lead_id, l.name as lead_name, l.phone as lead_phone, c.provider, c.object_type, c.crm_id, c.contact_id,
        c.name, c.email, c.company, c.company_id, c.status, c.last_activity_at, i.matched_by, i.matched_value,
        i.matched_at, c.contact_id = l.crm_contact_id as is_primary
    from leads l
    inner join staging.identity_map i on i.account_id = l.account_id and i.lead_id = l.id and i.is_member
    inner join staging.contacts c on c.account_id = i.account_id and c.contact_id = i.contact_id
    where l.account_id = $account_id
),

points as (
    select
        m.contact_id,
        p.source_text,
        row_number() over (
            partition by m.contact_id
            order by case when p.match_key = m.matched_value then 0 else 1 end, p.kind collate "C" desc, p.position
        ) as place
    from members m
    inner join staging.contact_points p on p.account_id = $account_id and p.contact_id = m.contact_id
)

select
    m.lead_id, m.lead_name, m.lead_phone, m.provider, m.object_type, m.crm_id, m.name, m.email, m.company,
    m.company_id, m.status, m.last_activity_at, m.is_primary, m.matched_by, m.matched_value, p.source_text as typed
from members m
left join points p on p.contact_id = m.contact_id and p.place = 1
order by
    m.lead_name collate "C", m.lead_id, m.matched_at, case when m.matched_by = 'new' then 0 else 1 end,
    m.provider collate "C", m.crm_id collate "C"
