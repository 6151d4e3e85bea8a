-- Every contact read now waits to be matched; one that waited already stays changed if it was, and new if it was: what
-- another connection's sync makes of it meanwhile is counted by nobody else. A rebuild matches all contacts anyway, so
-- there only changed ones wait, in case it does not come that far.
-- reads: temp incoming_contacts, temp changed_contacts, staging.identity_map   writes: staging.match_queue
-- parameters: account_id, connection_id, is_rebuild, now
insert into staging.match_queue (account_id, contact_id, connection_id, is_changed, was_known, queued_at)
select
    $account_id, i.contact_id, cast($connection_id as uuid), c.contact_id is not null, m.contact_id is not null,
    cast($now as timestamptz)
from incoming_contacts i
left join changed_contacts c on c.contact_id = i.contact_id
left join staging.identity_map m on m.account_id = $account_id and m.contact_id = i.contact_id
where c.contact_id is not null or not cast($is_rebuild as boolean)
on conflict (account_id, contact_id) do update set
    is_changed = staging.match_queue.is_changed or excluded.is_changed,
    queued_at = least(staging.match_queue.queued_at, excluded.queued_at)
