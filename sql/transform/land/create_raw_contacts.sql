-- The raw table of a provider, so that reading it never depends on a first successful load; dlt appends to it.
-- reads: nothing   writes: raw.<provider>_contacts   grain: one version of one record, as often as it was landed
create table if not exists raw.provider_contacts (
    account_id text,
    connection_id text,
    sync_id text,
    crm_id text,
    object_type text,
    source_updated_at timestamptz,
    is_deleted boolean,
    merged_into text,
    payload json,
    payload_hash text,
    fetched_at timestamptz
)
