-- What a complete pass leaves behind until the next: a removal that waits for a person, or a count that disagreed.
-- reads: nothing   writes: crm_connections   parameters: account_id, id, is_held, is_proven, is_unproven, now
update crm_connections
set
    held_at = case
        when cast($is_held as boolean) then coalesce(held_at, cast($now as timestamptz))
        when cast($is_proven as boolean) then null
        else held_at
    end,
    unproven_at = case
        when cast($is_unproven as boolean) then coalesce(unproven_at, cast($now as timestamptz))
        when cast($is_proven as boolean) then null
        else unproven_at
    end
where account_id = $account_id and id = cast($id as uuid)
