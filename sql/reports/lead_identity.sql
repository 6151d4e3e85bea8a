-- Who a lead id stands for: the lead itself, or the one it was merged into; and whether that one was removed.
-- reads: leads, lead_merges, removed_leads   grain: one row, or none for an unknown id   parameters: lead_id
with ids as (
    select account_id, id as lead_id, cast(null as uuid) as into_lead_id
    from leads
    where id = cast($lead_id as uuid)
    union all
    select account_id, lead_id, cast(null as uuid)
    from removed_leads
    where lead_id = cast($lead_id as uuid)
    union all
    select account_id, into_lead_id, into_lead_id
    from lead_merges
    where lead_id = cast($lead_id as uuid)
)

select
    i.account_id, i.lead_id, i.into_lead_id, coalesce(l.name, r.lead ->> 'name') as name, r.removed_at,
    r.sync_id as removed_by, r.reason as removed_because
from ids i
left join leads l on l.account_id = i.account_id and l.id = i.lead_id
left join removed_leads r on r.account_id = i.account_id and r.lead_id = i.lead_id
