-- The product's own texts, and the threads an account manager looks at. A sync never writes messages.
-- reads: nothing   writes: messages, recent_threads   grain: one text; one row per lead with texts
create table messages (
    account_id text not null,
    id uuid not null,
    lead_id uuid not null,
    direction text not null check (direction in ('in', 'out')),
    body text not null,
    sent_at timestamptz not null,
    primary key (account_id, id)
);
create index messages_lead on messages (account_id, lead_id, sent_at);
create view recent_threads as
with current_messages as (
    select
        m.account_id,
        coalesce(g.into_lead_id, m.lead_id) as lead_id,
        m.direction,
        m.body,
        m.sent_at,
        row_number() over (
            partition by m.account_id, coalesce(g.into_lead_id, m.lead_id) order by m.sent_at desc, m.id
        ) as newest
    from messages m
    left join lead_merges g on g.account_id = m.account_id and g.lead_id = m.lead_id
)

select
    l.account_id,
    l.id as lead_id,
    l.name,
    l.phone,
    l.crm_owner,
    l.crm_status,
    l.crm_description,
    c.body as last_message,
    c.direction as last_direction,
    c.sent_at as last_message_at,
    l.contacted_at
from current_messages c
inner join leads l on l.account_id = c.account_id and l.id = c.lead_id
where c.newest = 1;
