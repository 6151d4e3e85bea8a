-- What must be known later and cannot be told later: what a hold has shown to the person who may force it, so that a
-- force releases that and not whatever vanished since; and whether a contact that waits was matched before it was
-- queued, which the clocks of two machines do not tell.
-- reads: crm_connections, staging.contacts, staging.match_queue, staging.identity_map
-- writes: staging.held_removals, staging.match_queue
-- held_removals.kind: the object type whose contacts vanished, or that it is leads which an overwrite would remove
-- grain: one kind of one connection. A removal that was held before this is held once more, with its figures.
create table staging.held_removals (
    account_id text not null,
    connection_id uuid not null,
    kind text not null,
    shown bigint not null,
    held_at timestamptz not null,
    primary key (account_id, connection_id, kind)
);
insert into staging.held_removals (account_id, connection_id, kind, shown, held_at)
select c.account_id, c.connection_id, c.object_type, 0, min(k.held_at)
from crm_connections k
inner join staging.contacts c on c.account_id = k.account_id and c.connection_id = k.id
where k.held_at is not null and c.state <> 'deleted'
group by c.account_id, c.connection_id, c.object_type;
alter table staging.match_queue add column was_known boolean;
update staging.match_queue
set was_known = exists (
    select 1 from staging.identity_map m
    where
        m.account_id = staging.match_queue.account_id
        and m.contact_id = staging.match_queue.contact_id
        and m.matched_at < staging.match_queue.queued_at
);
