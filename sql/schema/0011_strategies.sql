-- What overwrite and preview need: the whole row of a lead that goes away, whatever columns the product gave it, and
-- what a run was asked.
-- reads: nothing   writes: removed_leads, lead_merges, sync_runs
-- removed_leads: leads that an overwrite took away, until a person or a contact brings them back   grain: one lead
-- lead_merges.lead: the row of the merged lead, for when a split gives it back. preview_of: the strategy that a preview
-- rehearsed. is_forced: a person said that a mass removal is meant.
create table removed_leads (
    account_id text not null,
    lead_id uuid not null,
    sync_id uuid not null,
    connection_id uuid not null,
    reason text,
    removed_at timestamptz not null,
    lead json not null,
    primary key (account_id, lead_id)
);
alter table lead_merges add column lead json;
alter table sync_runs add column preview_of text;
alter table sync_runs add column is_forced boolean;
