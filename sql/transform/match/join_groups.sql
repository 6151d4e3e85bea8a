-- One round of growing together: a member takes the lowest group number among all who share a value with it.
-- Repeated until no row changes, groups are the connected components.
-- reads: temp shared_points   writes: temp members
update members
set group_no = lowest.group_no
from (
    select p.contact_id, min(v.group_no) as group_no
    from shared_points p
    inner join (
        select p.kind, p.match_key, min(m.group_no) as group_no
        from shared_points p
        inner join members m on m.contact_id = p.contact_id
        group by p.kind, p.match_key
    ) v on v.kind = p.kind and v.match_key = p.match_key
    group by p.contact_id
) lowest
where lowest.contact_id = members.contact_id and lowest.group_no < members.group_no
