-- Whether a new lead is a person we did not have, or came off a lead that fell apart.
-- reads: temp placements   writes: temp new_lead_origins   grain: one row per new lead
create temp table new_lead_origins as
select lead_id, bool_or(old_lead_id is not null) as is_split
from placements
where is_new
group by lead_id
