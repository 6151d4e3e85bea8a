-- PostgreSQL finds the versions of a contact by this.
-- reads: nothing   writes: an index of raw.<provider>_contacts
create index if not exists provider_contacts_key on raw.provider_contacts (account_id, connection_id, crm_id)
