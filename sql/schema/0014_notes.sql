-- What a sync could not read, in words, although it went on.
-- reads: nothing   writes: sync_runs
alter table sync_runs add column notes json;
