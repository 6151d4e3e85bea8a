-- Every contact read now waits to be matched; one that waited already stays changed if it was.
-- reads: temp incoming_contacts, temp changed_contacts   writes: staging.match_queue   parameters: account_id,
-- connection_id, now
insert into staging.match_queue (account_id, contact_id, connection_id, is_changed, queued_at)
select
    $account_id, i.contact_id, cast($connection_id as uuid), c.contact_id is not null, cast($now as timestamptz)
from incoming_contacts i
left join changed_contacts c on c.contact_id = i.contact_id
where true
on conflict (account_id, contact_id) do update set
    is_changed = staging.match_queue.is_changed or excluded.is_changed,
    queued_at = least(staging.match_queue.queued_at, excluded.queued_at)
