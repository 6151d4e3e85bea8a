-- Removed leads that a person wants back: one of them, or all that a sync took away.
-- reads: removed_leads   writes: temp returning_leads   grain: one row per lead
-- parameters: account_id, lead_id (null for all), removed_by (the sync, null for any)
create temp table returning_leads as
select lead_id
from removed_leads
where
    account_id = $account_id
    and (cast($lead_id as uuid) is null or lead_id = cast($lead_id as uuid))
    and (cast($removed_by as uuid) is null or sync_id = cast($removed_by as uuid))
