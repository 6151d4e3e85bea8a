-- What the checks found wrong with an account's leads when they looked last, so that people can be told of it, and that
-- an account whose check is red is looked at again although nothing changed.
-- reads: nothing   writes: failing_checks   grain: one row per account and check that fails
create table failing_checks (
    account_id text not null,
    name text not null,
    is_blocking boolean not null,
    message text not null,
    action text not null,
    failing_since timestamptz not null,
    primary key (account_id, name)
);
