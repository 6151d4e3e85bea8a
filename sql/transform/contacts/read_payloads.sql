-- The newest payload of every unread contact, as text.
-- reads: raw.<provider>_contacts, temp newest_versions   grain: one row per contact, more only where equal rows were
-- landed twice
-- parameters: account_id, connection_id
select r.object_type, r.crm_id, cast(r.payload as text) as payload
from raw.provider_contacts r
inner join newest_versions n
    on
        n.object_type = r.object_type
        and n.crm_id = r.crm_id
        and n.payload_hash = r.payload_hash
        and n.fetched_at = r.fetched_at
        and n.source_updated_at = r.source_updated_at
where r.account_id = $account_id and r.connection_id = $connection_id
