-- The books: one row per sync, open while it runs, with counts that add up when it ends.
-- reads: nothing   writes: sync_runs   grain: one row per sync
create table sync_runs (
    account_id text not null,
    sync_id uuid not null,
    connection_id uuid not null,
    provider text not null,
    strategy text not null check (strategy in ('append', 'overwrite', 'preview')),
    pass text check (pass in ('complete', 'window', 'point')),
    trigger text not null,
    status text not null check (status in ('running', 'succeeded', 'failed', 'held', 'interrupted')),
    fetched bigint not null default 0,
    created bigint not null default 0,
    updated bigint not null default 0,
    unchanged bigint not null default 0,
    merged bigint not null default 0,
    skipped bigint not null default 0,
    removed bigint not null default 0,
    split bigint not null default 0,
    skipped_by_reason json,
    requests bigint not null default 0,
    started_at timestamptz not null,
    finished_at timestamptz,
    error_code text,
    error_message text,
    error_action text,
    primary key (account_id, sync_id)
);
create index sync_runs_connection on sync_runs (account_id, connection_id, started_at);
