-- The contacts whose group may change, found in rounds; the first round is what changed, and all who share a value that
-- began or ceased to be evidence.
-- reads: temp taken, temp counted_values, staging.contact_points   writes: temp scope   grain: one row per contact
-- parameters: account_id
create temp table scope as
select contact_id, 0 as round
from taken
where is_changed
union
select p.contact_id, 0 as round
from counted_values v
inner join staging.contact_points p on p.account_id = $account_id and p.kind = v.kind and p.match_key = v.match_key
where v.was_guarded <> v.is_guarded
