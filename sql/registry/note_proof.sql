-- What a complete pass leaves behind until the next: contacts whose removal waits for a person, of any kind, also one
-- that this pass did not prove; or a count that disagreed.
-- reads: staging.held_removals   writes: crm_connections   parameters: account_id, id, kind_of_leads, is_proven,
-- is_unproven, now
update crm_connections
set
    held_at = (
        select min(h.held_at)
        from staging.held_removals h
        where
            h.account_id = $account_id
            and h.connection_id = cast($id as uuid)
            and h.kind <> $kind_of_leads
    ),
    unproven_at = case
        when cast($is_unproven as boolean) then coalesce(unproven_at, cast($now as timestamptz))
        when cast($is_proven as boolean) then null
        else unproven_at
    end
where account_id = $account_id and id = cast($id as uuid)
