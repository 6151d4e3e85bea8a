-- What was read of contacts that are absent no longer counts: they are added again as deleted.
-- reads: temp absent_contacts   writes: temp incoming_contacts
delete from incoming_contacts
where contact_id in (select a.contact_id from absent_contacts a)
