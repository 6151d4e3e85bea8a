-- Contacts that must not be in one group and are.
-- reads: temp apart_pairs   grain: one row per pair and direction
select contact_id, other_id
from apart_pairs
