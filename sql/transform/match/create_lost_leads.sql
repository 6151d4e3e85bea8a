-- Leads that a group has besides the one it keeps: they are the same person and are merged into it.
-- reads: temp claims, temp lead_groups   writes: temp lost_leads   grain: one row per lead
create temp table lost_leads as
select c.lead_id, g.lead_id as into_lead_id
from claims c
inner join lead_groups g on g.group_no = c.group_no
where c.lead_id <> g.lead_id
