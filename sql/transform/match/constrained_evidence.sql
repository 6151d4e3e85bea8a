-- What joins the members of the groups that have to fall apart.
-- reads: temp apart_pairs, temp members, temp shared_points   grain: one row per contact and value
select p.kind, p.match_key, p.contact_id
from shared_points p
inner join members m on m.contact_id = p.contact_id
where m.group_no in (select a.group_no from apart_pairs a)
