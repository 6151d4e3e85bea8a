-- Raw tables that every provider shares; dlt appends to them, the newest row wins when they are read.
-- reads: nothing   writes: raw.complete_passes, raw.crm_references, raw.set_aside
-- complete_passes: passes that reached their proven end, landed with their last rows   grain: one pass
-- crm_references: owners and the labels of coded values, as the CRM names them   grain: one version of one reference
-- set_aside: records that could not be landed as contacts   grain: one record of one sync
create table raw.complete_passes (
    account_id text not null,
    connection_id text not null,
    sync_id text not null,
    started_at timestamptz not null
);
create table raw.crm_references (
    account_id text not null,
    connection_id text not null,
    sync_id text not null,
    kind text not null,
    crm_id text not null,
    label text,
    email text,
    fetched_at timestamptz not null
);
create table raw.set_aside (
    account_id text not null,
    connection_id text not null,
    sync_id text not null,
    object_type text not null,
    crm_id text not null,
    reason text not null,
    sample text,
    fetched_at timestamptz not null
);
