-- A sync is asked for by its id alone.
-- reads: nothing   writes: indexes
create index sync_runs_id on sync_runs (sync_id);
