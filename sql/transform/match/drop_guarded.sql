-- Values that few enough names share by now are evidence again.
-- reads: temp counted_values   writes: staging.guarded_values   parameters: account_id
delete from staging.guarded_values
using counted_values v
where
    staging.guarded_values.account_id = $account_id
    and staging.guarded_values.kind = v.kind
    and staging.guarded_values.match_key = v.match_key
    and not v.is_guarded
