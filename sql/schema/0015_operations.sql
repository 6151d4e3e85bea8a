-- What is remembered from day to day, so that a person is told once and of what is unusual.
-- reads: nothing   writes: account_days, troubles
-- account_days: what an account had at the end of a day   grain: one row per account and day
-- troubles: what is wrong with a connection, as each channel of notices is told of it: `told_at` is null until it was
-- told, `ended_at` while it lasts. What is over, and told to be over, is deleted   grain: one row per connection, code
-- and channel
create table account_days (
    account_id text not null,
    day date not null,
    leads bigint not null,
    accepted bigint not null,
    rejected bigint not null,
    primary key (account_id, day)
);
create table troubles (
    account_id text not null,
    connection_id uuid not null,
    code text not null,
    channel text not null,
    provider text not null,
    message text not null,
    action text not null,
    began_at timestamptz not null,
    told_at timestamptz,
    ended_at timestamptz,
    primary key (account_id, connection_id, code, channel)
);
