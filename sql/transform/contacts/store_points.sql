-- Phones and e-mails of the changed contacts as they are now.
-- reads: temp incoming_points, temp changed_contacts   writes: staging.contact_points   parameters: account_id
insert into staging.contact_points (
    account_id, contact_id, kind, position, value, match_key, extension, source_text, is_evidence
)
select $account_id, p.contact_id, p.kind, p.position, p.value, p.match_key, p.extension, p.source_text, p.is_evidence
from incoming_points p
inner join changed_contacts c on c.contact_id = p.contact_id
