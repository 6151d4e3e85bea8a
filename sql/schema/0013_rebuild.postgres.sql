-- A rebuild is in the books like a sync, though it fetches nothing.
-- reads: nothing   writes: sync_runs
alter table sync_runs drop constraint if exists sync_runs_strategy_check;
alter table sync_runs add constraint sync_runs_strategy_check
check (strategy in ('append', 'overwrite', 'preview', 'rebuild'));
