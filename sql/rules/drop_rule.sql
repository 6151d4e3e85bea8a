-- Nothing is said of two contacts any more.
-- reads: nothing   writes: identity_rules   parameters: account_id, contact_id, other_contact_id
delete from identity_rules
where
    account_id = $account_id
    and contact_id = cast($contact_id as uuid)
    and other_contact_id = cast($other_contact_id as uuid)
