-- The guarded values as they are counted now.
-- reads: temp counted_values   writes: staging.guarded_values   parameters: account_id
insert into staging.guarded_values (account_id, kind, match_key, names)
select $account_id, v.kind, v.match_key, v.names
from counted_values v
where v.is_guarded
on conflict (account_id, kind, match_key) do update set
    names = excluded.names
