-- Incoming contacts that differ from what we hold, and whether they are new.
-- reads: temp incoming_contacts, staging.contacts   writes: temp changed_contacts   grain: one row per contact
-- parameters: account_id
create temp table changed_contacts as
select i.contact_id, c.contact_id is null as is_new
from incoming_contacts i
left join staging.contacts c on c.account_id = $account_id and c.contact_id = i.contact_id
where c.contact_id is null or c.content_hash <> i.content_hash
