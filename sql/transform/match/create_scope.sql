-- The contacts whose group may change, found in rounds; the first round is what changed.
-- reads: temp taken   writes: temp scope   grain: one row per contact
create temp table scope as
select contact_id, 0 as round
from taken
where is_changed
