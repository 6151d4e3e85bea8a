-- The identity map: members where they belong now; rows that would not change are left alone. A contact that stays in
-- its lead for another reason was matched when it came.
-- reads: temp placements   writes: staging.identity_map   parameters: account_id, sync_id, now
insert into staging.identity_map (
    account_id, contact_id, lead_id, matched_by, matched_value, is_member, sync_id, matched_at
)
select
    $account_id, p.contact_id, p.lead_id, p.matched_by, p.matched_value, true, cast($sync_id as uuid),
    cast($now as timestamptz)
from placements p
where not coalesce(p.is_settled, false)
on conflict (account_id, contact_id) do update set
    lead_id = excluded.lead_id,
    matched_by = excluded.matched_by,
    matched_value = excluded.matched_value,
    is_member = true,
    sync_id = excluded.sync_id,
    matched_at = case
        when staging.identity_map.is_member and staging.identity_map.lead_id = excluded.lead_id
            then staging.identity_map.matched_at
        else excluded.matched_at
    end
