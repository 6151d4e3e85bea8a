-- Who a lead id stands for: the lead itself, or the one it was merged into.
-- reads: leads, lead_merges   grain: one row, or none for an unknown id   parameters: lead_id
with ids as (
    select account_id, id as lead_id, cast(null as uuid) as into_lead_id
    from leads
    where id = cast($lead_id as uuid)
    union all
    select account_id, into_lead_id as lead_id, into_lead_id
    from lead_merges
    where lead_id = cast($lead_id as uuid)
)

select i.account_id, i.lead_id, i.into_lead_id, l.name
from ids i
left join leads l on l.account_id = i.account_id and l.id = i.lead_id
