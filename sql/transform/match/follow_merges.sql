-- Contacts that are away follow their lead when it was merged into another.
-- reads: temp lost_leads   writes: staging.identity_map   parameters: account_id
update staging.identity_map
set lead_id = o.into_lead_id
from lost_leads o
where
    staging.identity_map.account_id = $account_id
    and staging.identity_map.lead_id = o.lead_id
    and not staging.identity_map.is_member
