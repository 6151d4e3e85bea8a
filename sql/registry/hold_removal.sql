-- A removal waits for a person, who is shown this number.
-- reads: nothing   writes: staging.held_removals   parameters: account_id, id, kind, shown, now
insert into staging.held_removals (account_id, connection_id, kind, shown, held_at)
values (
    $account_id, cast($id as uuid), $kind, cast($shown as bigint), cast($now as timestamptz)
)
on conflict (account_id, connection_id, kind) do update set shown = excluded.shown
