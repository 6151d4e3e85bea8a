-- PostgreSQL finds the few rows of a small sync by these; DuckDB scans its columns faster than it keeps an index.
-- reads: nothing   writes: indexes
create index contact_points_contact on staging.contact_points (account_id, contact_id);
create index contact_points_match on staging.contact_points (account_id, kind, match_key);
create index identity_map_lead on staging.identity_map (account_id, lead_id);
create index contact_merges_into on staging.contact_merges (account_id, into_contact_id);
create index contacts_connection on staging.contacts (account_id, connection_id, state);
create index crm_references_connection on raw.crm_references (account_id, connection_id, sync_id);
create index set_aside_connection on raw.set_aside (account_id, connection_id, sync_id);
