-- A person names a lead by its id alone. PostgreSQL finds it by these; DuckDB scans its columns faster than it keeps an
-- index. On Citus they are indexes of each shard.
-- reads: nothing   writes: indexes
create index leads_id on leads (id);
create index lead_merges_id on lead_merges (lead_id);
create index removed_leads_id on removed_leads (lead_id);
create index lead_changes_id on lead_changes (lead_id);
