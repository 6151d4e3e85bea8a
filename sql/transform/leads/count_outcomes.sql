-- The books of one sync: every contact it read has exactly one outcome.
-- reads: temp taken, temp placements, temp changed_leads, temp new_lead_origins   grain: one row per outcome and reason
select outcome, reason, count(*) as contacts
from (
    select
        case
            when t.state <> 'accepted' then 'skipped'
            when not t.is_changed or p.contact_id is null then 'unchanged'
            when not t.was_known and c.is_created and p.is_founder and not o.is_split then 'created'
            when not t.was_known and p.old_lead_id is not null and p.matched_by = 'new' then 'created'
            when not t.was_known then 'merged'
            when c.lead_id is not null then 'updated'
            else 'unchanged'
        end as outcome,
        case when t.state <> 'accepted' then t.reason end as reason
    from taken t
    left join placements p on p.contact_id = t.contact_id
    left join changed_leads c on c.lead_id = p.lead_id
    left join new_lead_origins o on o.lead_id = p.lead_id
) outcomes
group by outcome, reason
