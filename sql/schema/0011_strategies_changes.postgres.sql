-- Changes say whose value it is that a lead has now, and that a removed lead was put back.
-- reads: nothing   writes: lead_changes
alter table lead_changes add column contact_id uuid;
alter table lead_changes add column connection_id uuid;
alter table lead_changes drop constraint if exists lead_changes_kind_check;
alter table lead_changes add constraint lead_changes_kind_check
check (kind in ('created', 'updated', 'merged', 'split', 'inactive', 'active', 'removed', 'restored'));
