-- A value that a contact shares only with people it has to stay apart from is no evidence for the lead it is in.
-- reads: temp regrouped, temp shared_points   writes: temp shared_points
delete from shared_points
using (
    select p.contact_id, p.kind, p.match_key, count(*) over (partition by p.kind, p.match_key, r.group_no) as sharing
    from shared_points p
    inner join regrouped r on r.contact_id = p.contact_id
) lonely
where
    lonely.sharing = 1
    and lonely.contact_id = shared_points.contact_id
    and lonely.kind = shared_points.kind
    and lonely.match_key = shared_points.match_key
