-- What the walk keeps between its steps.
-- reads: nothing   writes: staging.*
-- landings: which syncs' raw rows have become contacts. crm_references: the newest owners and labels of a connection.
-- contacts: one person as one CRM knows them, cleaned. contact_points: their canonical phones and e-mails.
-- contact_merges: ids that the CRM merged away. rejections: contacts that cannot be leads now, and why.
-- contact_points has no key: a contact's points are replaced as a whole, and an index costs a first sync half a second.
-- match_queue: contacts read and not yet matched. identity_map: contact -> lead, kept while a contact is away.
create table staging.landings (
    account_id text not null,
    connection_id uuid not null,
    sync_id uuid not null,
    read_at timestamptz not null,
    primary key (account_id, connection_id, sync_id)
);
create table staging.crm_references (
    account_id text not null,
    connection_id uuid not null,
    kind text not null,
    crm_id text not null,
    label text,
    email text,
    primary key (account_id, connection_id, kind, crm_id)
);
create table staging.contacts (
    account_id text not null,
    contact_id uuid not null,
    connection_id uuid not null,
    provider text not null,
    object_type text not null,
    crm_id text not null,
    state text not null check (state in ('accepted', 'rejected', 'deleted')),
    reason text,
    name text,
    first_name text,
    last_name text,
    phone text,
    email text,
    company text,
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
    content_hash text not null,
    updated_at timestamptz not null,
    primary key (account_id, contact_id)
);
create table staging.contact_points (
    account_id text not null,
    contact_id uuid not null,
    kind text not null check (kind in ('phone', 'email')),
    position smallint not null,
    value text not null,
    match_key text not null,
    extension text,
    source_text text
);
create table staging.contact_merges (
    account_id text not null,
    contact_id uuid not null,
    into_contact_id uuid not null,
    primary key (account_id, contact_id)
);
create table staging.rejections (
    account_id text not null,
    contact_id uuid not null,
    connection_id uuid not null,
    provider text not null,
    object_type text not null,
    crm_id text not null,
    name text,
    reason text not null,
    value text,
    sync_id uuid not null,
    rejected_at timestamptz not null,
    primary key (account_id, contact_id)
);
create table staging.match_queue (
    account_id text not null,
    contact_id uuid not null,
    connection_id uuid not null,
    is_changed boolean not null,
    queued_at timestamptz not null,
    primary key (account_id, contact_id)
);
create table staging.identity_map (
    account_id text not null,
    contact_id uuid not null,
    lead_id uuid not null,
    matched_by text not null check (matched_by in ('crm_id', 'phone', 'email', 'new')),
    matched_value text,
    is_member boolean not null,
    sync_id uuid not null,
    matched_at timestamptz not null,
    primary key (account_id, contact_id)
);
