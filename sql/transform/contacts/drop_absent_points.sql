-- Neither do their phones and e-mails.
-- reads: temp absent_contacts   writes: temp incoming_points
delete from incoming_points
where contact_id in (select a.contact_id from absent_contacts a)
