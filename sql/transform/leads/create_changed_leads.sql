-- The touched leads that are new, say something else than before, or wake up.
-- reads: temp next_leads, leads   writes: temp changed_leads   grain: one row per lead   parameters: account_id
create temp table changed_leads as
select
    n.lead_id,
    l.id is null as is_created,
    l.crm_inactive_at is not null as is_waking
from next_leads n
left join leads l on l.account_id = $account_id and l.id = n.lead_id
where
    l.id is null
    or l.crm_inactive_at is not null
    or l.name is distinct from n.name
    or l.first_name is distinct from n.first_name
    or l.last_name is distinct from n.last_name
    or l.phone is distinct from n.phone
    or l.email is distinct from n.email
    or l.company is distinct from n.company
    or l.lead_type is distinct from n.lead_type
    or l.crm_id is distinct from n.crm_id
    or l.crm_source is distinct from n.crm_source
    or l.crm_connection_id is distinct from n.crm_connection_id
    or l.crm_contact_id is distinct from n.crm_contact_id
    or l.crm_status is distinct from n.crm_status
    or l.crm_stage is distinct from n.crm_stage
    or l.crm_description is distinct from n.crm_description
    or l.crm_owner is distinct from n.crm_owner
    or l.crm_owner_email is distinct from n.crm_owner_email
    or l.crm_last_activity_at is distinct from n.crm_last_activity_at
