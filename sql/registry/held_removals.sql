-- The removals of a connection that wait for a person, with the number that was shown of each.
-- reads: staging.held_removals   grain: one row per kind   parameters: account_id, id
select kind, shown
from staging.held_removals
where account_id = $account_id and connection_id = cast($id as uuid)
