-- Landed rows that say nothing any more.
-- reads: temp stale_versions   writes: raw.<provider>_contacts   parameters: account_id, connection_id
delete from raw.provider_contacts
using stale_versions s
where
    provider_contacts.account_id = $account_id
    and provider_contacts.connection_id = $connection_id
    and provider_contacts.object_type = s.object_type
    and provider_contacts.crm_id = s.crm_id
    and provider_contacts.sync_id = s.sync_id
    and provider_contacts.fetched_at = s.fetched_at
    and provider_contacts.payload_hash = s.payload_hash
    and provider_contacts.source_updated_at is not distinct from s.source_updated_at
