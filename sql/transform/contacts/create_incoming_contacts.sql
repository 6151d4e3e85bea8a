-- Room for the contacts just mapped and normalized.
-- reads: nothing   writes: temp incoming_contacts   grain: one row per contact
create temp table incoming_contacts (
    contact_id uuid,
    object_type text,
    crm_id text,
    state text,
    reason text,
    reason_value text,
    name text,
    first_name text,
    last_name text,
    phone text,
    email text,
    company text,
    company_id text,
    owner_id text,
    owner_name text,
    owner_email text,
    status_id text,
    status text,
    stage_id text,
    stage text,
    description text,
    last_activity_at timestamptz,
    source_created_at timestamptz,
    source_updated_at timestamptz,
    content_hash text
)
