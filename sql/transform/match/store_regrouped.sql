-- The groups found with the rules in mind.
-- reads: temp regrouped   writes: temp members
update members
set group_no = r.group_no
from regrouped r
where r.contact_id = members.contact_id
