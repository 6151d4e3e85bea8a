-- Contacts that a person said are not one, and that the evidence has brought into one group.
-- reads: temp active_rules, temp members   writes: temp apart_pairs   grain: one row per pair and direction
create temp table apart_pairs as
select r.contact_id, r.other_id, m.group_no
from active_rules r
inner join members m on m.contact_id = r.contact_id
inner join members o on o.contact_id = r.other_id
where r.kind = 'apart' and m.group_no = o.group_no
