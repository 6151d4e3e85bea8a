-- The leads of an account, the latest activity first; `search` is looked for in names, addresses and companies,
-- `digits` in phones.
-- reads: leads   grain: one row per lead; total counts those beyond the limit too
-- parameters: account_id, search (null for all), digits (null if the search is no phone), row_limit (null for all)
select
    *,
    count(*) over () as total
from leads
where
    account_id = $account_id
    and (
        cast($search as text) is null
        or strpos(lower(name), lower(cast($search as text))) > 0
        or strpos(lower(coalesce(email, '')), lower(cast($search as text))) > 0
        or strpos(lower(coalesce(company, '')), lower(cast($search as text))) > 0
        or strpos(lower(coalesce(crm_owner, '')), lower(cast($search as text))) > 0
        or strpos(phone, cast($digits as text)) > 0
        or crm_id = cast($search as text)
        or cast(id as text) = lower(cast($search as text))
    )
order by crm_last_activity_at desc nulls last, name collate "C", id
limit cast($row_limit as bigint)
