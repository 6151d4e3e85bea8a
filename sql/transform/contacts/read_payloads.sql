-- The newest payload of every unread contact, as text.
-- reads: raw.<provider>_contacts, temp newest_versions   grain: one row per contact, more only where equal rows were
-- landed twice
-- Account and connection are joined, not given: with constants DuckDB takes the payloads for the smaller side of the
-- join and keeps all of them in memory; so they stream by.
select r.object_type, r.crm_id, cast(r.payload as text) as payload
from raw.provider_contacts r
inner join newest_versions n
    on
        n.account_id = r.account_id
        and n.connection_id = r.connection_id
        and n.object_type = r.object_type
        and n.crm_id = r.crm_id
        and n.payload_hash = r.payload_hash
        and n.fetched_at = r.fetched_at
        and n.source_updated_at is not distinct from r.source_updated_at
