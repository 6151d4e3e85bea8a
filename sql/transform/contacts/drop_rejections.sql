-- A changed contact's old rejection no longer stands.
-- reads: temp changed_contacts   writes: staging.rejections   parameters: account_id
delete from staging.rejections
where account_id = $account_id and contact_id in (select c.contact_id from changed_contacts c)
