-- What tells people apart: names that compare equal, values that are no evidence, and rules that a person set.
-- reads: nothing   writes: staging.contacts, staging.contact_points, staging.guarded_values, identity_rules,
-- staging.landings
-- contacts.name_key: the name without case, accents, punctuation and order. contact_points.is_evidence: false for the
-- mailbox of a function. guarded_values: values that too many different names share, so that they are no evidence; kept
-- as the account's contacts are, `is_touched` while a change of a contact that had it is not counted yet   grain: one
-- value. identity_rules: two contacts that a person said are one, or are not; the smaller id first   grain: one pair
-- Everything landed is read once more at the next sync: contacts read before have no name_key.
alter table staging.contacts add column name_key text;
alter table staging.contact_points add column is_evidence boolean default true;
create table staging.guarded_values (
    account_id text not null,
    kind text not null,
    match_key text not null,
    names bigint not null,
    is_touched boolean not null,
    primary key (account_id, kind, match_key)
);
create table identity_rules (
    account_id text not null,
    contact_id uuid not null,
    other_contact_id uuid not null,
    kind text not null check (kind in ('together', 'apart')),
    note text,
    created_at timestamptz not null,
    primary key (account_id, contact_id, other_contact_id)
);
delete from staging.landings;
