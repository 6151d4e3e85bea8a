-- What makes a proof of absence safe, and what a hold or a doubt leaves behind until it is settled.
-- reads: staging.contact_merges   writes: raw.complete_passes, staging.contact_merges, crm_connections
-- landed: records that the sync had landed with the proof; fewer in raw mean that some were lost on the way.
-- told_into: what the CRM said a contact became, beside where the chain leads. held_at: since when a removal waits for
-- a person. unproven_at: since when a complete pass has shown fewer records than the CRM counts.
alter table raw.complete_passes add column landed bigint;
alter table staging.contact_merges add column told_into_contact_id uuid;
update staging.contact_merges set told_into_contact_id = into_contact_id;
alter table crm_connections add column held_at timestamptz;
alter table crm_connections add column unproven_at timestamptz;
