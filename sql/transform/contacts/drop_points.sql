-- Phones and e-mails of changed contacts are replaced as a whole.
-- reads: temp changed_contacts   writes: staging.contact_points   parameters: account_id
delete from staging.contact_points
where account_id = $account_id and contact_id in (select c.contact_id from changed_contacts c)
