-- What each touched lead says now: per field, the first of its contacts in order of trust that has a value, and whose
-- it is (`*_trust`). First and last name come from the contact that gave the name, the owner's address from the one
-- that gave the owner.
-- reads: temp placements, staging.contacts   writes: temp next_leads   grain: one row per lead   parameters: account_id
create temp table next_leads as
with facts as (
    select
        p.lead_id, p.is_new, p.trust, c.contact_id, c.connection_id, c.provider, c.object_type, c.crm_id, c.name,
        c.first_name, c.last_name, c.phone, c.email, c.company, c.status, c.stage, c.description, c.owner_name,
        c.owner_email, c.last_activity_at,
        coalesce(c.owner_name, c.owner_email) as owner
    from placements p
    inner join staging.contacts c on c.account_id = $account_id and c.contact_id = p.contact_id
),

sources as (
    select
        lead_id,
        min(trust) as primary_trust,
        min(trust) filter (where name is not null) as name_trust,
        min(trust) filter (where phone is not null) as phone_trust,
        min(trust) filter (where email is not null) as email_trust,
        min(trust) filter (where company is not null) as company_trust,
        min(trust) filter (where status is not null) as status_trust,
        min(trust) filter (where stage is not null) as stage_trust,
        min(trust) filter (where description is not null) as description_trust,
        min(trust) filter (where owner is not null) as owner_trust,
        min(trust) filter (where last_activity_at is not null) as activity_trust
    from facts
    group by lead_id
)

select
    f.lead_id,
    bool_and(f.is_new) as is_new,
    max(f.name) filter (where f.trust = s.name_trust) as name,
    max(f.first_name) filter (where f.trust = s.name_trust) as first_name,
    max(f.last_name) filter (where f.trust = s.name_trust) as last_name,
    max(f.phone) filter (where f.trust = s.phone_trust) as phone,
    max(f.email) filter (where f.trust = s.email_trust) as email,
    max(f.company) filter (where f.trust = s.company_trust) as company,
    max(f.object_type) filter (where f.trust = s.primary_trust) as lead_type,
    max(f.crm_id) filter (where f.trust = s.primary_trust) as crm_id,
    max(f.provider) filter (where f.trust = s.primary_trust) as crm_source,
    cast(max(cast(f.connection_id as text)) filter (where f.trust = s.primary_trust) as uuid) as crm_connection_id,
    cast(max(cast(f.contact_id as text)) filter (where f.trust = s.primary_trust) as uuid) as crm_contact_id,
    max(f.status) filter (where f.trust = s.status_trust) as crm_status,
    max(f.stage) filter (where f.trust = s.stage_trust) as crm_stage,
    max(f.description) filter (where f.trust = s.description_trust) as crm_description,
    max(f.owner) filter (where f.trust = s.owner_trust) as crm_owner,
    max(f.owner_email) filter (where f.trust = s.owner_trust) as crm_owner_email,
    max(f.last_activity_at) filter (where f.trust = s.activity_trust) as crm_last_activity_at,
    min(s.primary_trust) as primary_trust,
    min(s.name_trust) as name_trust,
    min(s.phone_trust) as phone_trust,
    min(s.email_trust) as email_trust,
    min(s.company_trust) as company_trust,
    min(s.status_trust) as status_trust,
    min(s.stage_trust) as stage_trust,
    min(s.description_trust) as description_trust,
    min(s.owner_trust) as owner_trust,
    min(s.activity_trust) as activity_trust
from facts f
inner join sources s on s.lead_id = f.lead_id
group by f.lead_id
