-- Changes say whose value it is that a lead has now, and that a removed lead was put back. DuckDB cannot change a
-- check, so the table is made anew.
-- reads: lead_changes   writes: lead_changes
create table lead_changes_next (
    account_id text not null,
    lead_id uuid not null,
    sync_id uuid not null,
    kind text not null
    check (kind in ('created', 'updated', 'merged', 'split', 'inactive', 'active', 'removed', 'restored')),
    field text,
    old_value text,
    new_value text,
    changed_at timestamptz not null,
    contact_id uuid,
    connection_id uuid
);
insert into lead_changes_next (account_id, lead_id, sync_id, kind, field, old_value, new_value, changed_at)
select account_id, lead_id, sync_id, kind, field, old_value, new_value, changed_at
from lead_changes;
drop table lead_changes;
alter table lead_changes_next rename to lead_changes;
create index lead_changes_lead on lead_changes (account_id, lead_id);
