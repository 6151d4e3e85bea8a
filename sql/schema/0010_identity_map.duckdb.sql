-- A contact may be in its lead because a person said so. DuckDB cannot change a check, so the table is made anew.
-- reads: staging.identity_map   writes: staging.identity_map
create table staging.identity_map_next (
    account_id text not null,
    contact_id uuid not null,
    lead_id uuid not null,
    matched_by text not null check (matched_by in ('crm_id', 'rule', 'phone', 'email', 'new')),
    matched_value text,
    is_member boolean not null,
    sync_id uuid not null,
    matched_at timestamptz not null,
    primary key (account_id, contact_id)
);
insert into staging.identity_map_next (
    account_id, contact_id, lead_id, matched_by, matched_value, is_member, sync_id, matched_at
)
select account_id, contact_id, lead_id, matched_by, matched_value, is_member, sync_id, matched_at
from staging.identity_map;
drop table staging.identity_map;
alter table staging.identity_map_next rename to identity_map;
