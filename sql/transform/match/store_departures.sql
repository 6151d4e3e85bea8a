-- A contact in scope that may not be a lead now keeps its place in the map, but is no member.
-- reads: temp scope, temp members   writes: staging.identity_map   parameters: account_id, sync_id, now
update staging.identity_map
set is_member = false, sync_id = cast($sync_id as uuid), matched_at = cast($now as timestamptz)
where
    account_id = $account_id
    and is_member
    and contact_id in (select s.contact_id from scope s)
    and contact_id not in (select m.contact_id from members m)
