-- Of these, the ones without any contact: an overwrite takes them away, also those that fell asleep earlier.
-- reads: temp connection_leads, staging.identity_map   writes: temp leads_to_remove   grain: one row per lead
-- parameters: account_id
create temp table leads_to_remove as
select lead_id, rejected, was_awake
from connection_leads
where lead_id not in (
    select i.lead_id from staging.identity_map i where i.account_id = $account_id and i.is_member
)
