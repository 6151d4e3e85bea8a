-- How many leads came into being because a group fell apart.
-- reads: temp new_lead_origins   grain: one row
select count(*) as split
from new_lead_origins
where is_split
