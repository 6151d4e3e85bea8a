-- Spreads the store over the workers of a Citus cluster, by account. Optional, and run once by hand; no command does.
-- reads: the tables as they are   writes: where their rows are kept
-- Every key and every join carries account_id, so a statement for one account is work for one worker.
--
-- In this order:
--   1. In the database, as its owner on the coordinator: create extension citus; then add the workers.
--   2. Point CRM_WAREHOUSE at the coordinator and run `crm-pipeline doctor`, which makes the tables. An existing store
--      serves as well: its rows are moved, so stop the syncs first.
--   3. psql --single-transaction --set ON_ERROR_STOP=1 --file distribute.sql
--   4. After the first sync of a CRM that was not there before, run the last statement again: its raw table is new.
--
-- Not distributed: schema_migrations and dlt's own _dlt_* tables. They know no account, are small, are joined with
-- nothing else, and stay on the coordinator. There are no reference tables.

-- A unique index of a distributed table has to hold account_id. That a connection of Nango belongs to one account at a
-- time is then kept by sql/registry/release_connection.sql alone.
drop index crm_connections_nango;
create unique index crm_connections_nango on crm_connections (account_id, nango_integration, nango_connection_id);

select create_distributed_table('leads', 'account_id', colocate_with => 'none');
select create_distributed_table('crm_connections', 'account_id', colocate_with => 'leads');
select create_distributed_table('lead_changes', 'account_id', colocate_with => 'leads');
select create_distributed_table('lead_merges', 'account_id', colocate_with => 'leads');
select create_distributed_table('removed_leads', 'account_id', colocate_with => 'leads');
select create_distributed_table('identity_rules', 'account_id', colocate_with => 'leads');
select create_distributed_table('sync_runs', 'account_id', colocate_with => 'leads');
select create_distributed_table('messages', 'account_id', colocate_with => 'leads');
select create_distributed_table('account_days', 'account_id', colocate_with => 'leads');
select create_distributed_table('troubles', 'account_id', colocate_with => 'leads');
select create_distributed_table('failing_checks', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.landings', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.crm_references', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.contacts', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.contact_points', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.contact_merges', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.rejections', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.match_queue', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.identity_map', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.guarded_values', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.touched_values', 'account_id', colocate_with => 'leads');
select create_distributed_table('staging.held_removals', 'account_id', colocate_with => 'leads');
select create_distributed_table('raw.complete_passes', 'account_id', colocate_with => 'leads');
select create_distributed_table('raw.crm_references', 'account_id', colocate_with => 'leads');
select create_distributed_table('raw.set_aside', 'account_id', colocate_with => 'leads');

-- The raw table of each CRM that has landed something, but for those that are distributed already.
select create_distributed_table(concat('raw.', t.table_name), 'account_id', colocate_with => 'leads')
from information_schema.tables t
where
    t.table_schema = 'raw'
    and t.table_name like '%!_contacts' escape '!'
    and not exists (
        select 1 from pg_dist_partition p where p.logicalrelid = to_regclass(concat('raw.', t.table_name))
    );
