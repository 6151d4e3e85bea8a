-- A removal waits no more: it was done, or what had vanished is there again.
-- reads: nothing   writes: staging.held_removals   parameters: account_id, id, kind
delete from staging.held_removals
where account_id = $account_id and connection_id = cast($id as uuid) and kind = $kind
