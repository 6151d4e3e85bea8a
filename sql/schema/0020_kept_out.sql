-- A connection that was let go of here and kept at Nango stays out until somebody connects it again.
-- reads: nothing   writes: crm_connections
alter table crm_connections add column kept_out_at timestamptz;
