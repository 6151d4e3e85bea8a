-- PostgreSQL finds the rows of a sync, and which syncs there are, by this.
-- reads: nothing   writes: an index of raw.<provider>_contacts
create index if not exists provider_contacts_sync on raw.provider_contacts (account_id, connection_id, sync_id)
