-- The contacts that a person may mean: the one with our id, or those of a CRM with the id there.
-- reads: staging.contacts   grain: one row per contact
-- parameters: account_id, contact_id (null for none), provider (null for none), crm_id (null for none)
select contact_id, provider, object_type, crm_id, name, state, reason
from staging.contacts
where
    account_id = $account_id
    and (
        contact_id = cast($contact_id as uuid)
        or (provider = cast($provider as text) and crm_id = cast($crm_id as text))
    )
order by object_type collate "C", cast(contact_id as text) collate "C"
