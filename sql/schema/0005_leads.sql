-- What the product reads: one row per person of one account, what changed on it, and which ids were merged into which.
-- reads: nothing   writes: leads, lead_changes, lead_merges
-- lead_merges keeps when either lead had been contacted, so that a split gives each its own back.
-- `contacted_at` is the product's: a sync never writes it. Everything else in leads is a function of the person's
-- contacts.
create table leads (
    account_id text not null,
    id uuid not null,
    name text not null,
    first_name text,
    last_name text,
    phone text not null,
    email text,
    company text,
    lead_type text,
    crm_id text not null,
    crm_source text not null,
    crm_connection_id uuid not null,
    crm_contact_id uuid not null,
    crm_status text,
    crm_stage text,
    crm_description text,
    crm_owner text,
    crm_owner_email text,
    crm_last_activity_at timestamptz,
    crm_inactive_at timestamptz,
    crm_inactive_reason text,
    last_crm_sync_at timestamptz not null,
    contacted_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (account_id, id)
);
create table lead_changes (
    account_id text not null,
    lead_id uuid not null,
    sync_id uuid not null,
    kind text not null check (kind in ('created', 'updated', 'merged', 'split', 'inactive', 'active', 'removed')),
    field text,
    old_value text,
    new_value text,
    changed_at timestamptz not null
);
create index lead_changes_lead on lead_changes (account_id, lead_id);
create table lead_merges (
    account_id text not null,
    lead_id uuid not null,
    into_lead_id uuid not null,
    sync_id uuid not null,
    merged_at timestamptz not null,
    contacted_at timestamptz,
    into_contacted_at timestamptz,
    primary key (account_id, lead_id)
);
