-- A rebuild is in the books like a sync, though it fetches nothing. DuckDB cannot change a check, so the table is made
-- anew.
-- reads: sync_runs   writes: sync_runs
create table sync_runs_next (
    account_id text not null,
    sync_id uuid not null,
    connection_id uuid not null,
    provider text not null,
    strategy text not null check (strategy in ('append', 'overwrite', 'preview', 'rebuild')),
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
    preview_of text,
    is_forced boolean,
    primary key (account_id, sync_id)
);
insert into sync_runs_next (
    account_id, sync_id, connection_id, provider, strategy, pass, trigger, status, fetched, created, updated, unchanged,
    merged, skipped, removed, split, skipped_by_reason, requests, started_at, finished_at, error_code, error_message,
    error_action, preview_of, is_forced
)
select
    account_id, sync_id, connection_id, provider, strategy, pass, trigger, status, fetched, created, updated, unchanged,
    merged, skipped, removed, split, skipped_by_reason, requests, started_at, finished_at, error_code, error_message,
    error_action, preview_of, is_forced
from sync_runs;
drop table sync_runs;
alter table sync_runs_next rename to sync_runs;
create index sync_runs_connection on sync_runs (account_id, connection_id, started_at);
