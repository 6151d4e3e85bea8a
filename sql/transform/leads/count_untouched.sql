-- The books of a sync that read nothing which had changed: every contact is as it was, or no lead as before.
-- reads: temp taken   grain: one row per outcome and reason
select outcome, reason, count(*) as contacts
from (
    select
        case when state = 'accepted' then 'unchanged' else 'skipped' end as outcome,
        case when state <> 'accepted' then reason end as reason
    from taken
) outcomes
group by outcome, reason
