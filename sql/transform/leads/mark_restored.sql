-- A restored lead sleeps, unless a contact is a member of it.
-- reads: temp returning_leads, staging.identity_map   writes: leads   parameters: account_id, now
update leads
set
    crm_inactive_at = case
        when m.is_member then null else coalesce(leads.crm_inactive_at, cast($now as timestamptz))
    end,
    crm_inactive_reason = case when m.is_member then null else leads.crm_inactive_reason end,
    updated_at = cast($now as timestamptz)
from (
    select
        b.lead_id,
        b.lead_id in (
            select i.lead_id from staging.identity_map i where i.account_id = $account_id and i.is_member
        ) as is_member
    from returning_leads b
) m
where leads.account_id = $account_id and leads.id = m.lead_id
