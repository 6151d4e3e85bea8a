-- A contact may be in its lead because a person said so.
-- reads: nothing   writes: staging.identity_map
alter table staging.identity_map drop constraint if exists identity_map_matched_by_check;
alter table staging.identity_map add constraint identity_map_matched_by_check
check (matched_by in ('crm_id', 'rule', 'phone', 'email', 'new'));
