-- How many leads of an account a search finds.
-- reads: leads   grain: one row
-- parameters: account_id, search (in lower case; null for all), is_plain (the search is ASCII, which PostgreSQL
-- compares much faster), digits (of a phone), crm_id, id (null where the search is none)
select count(*) as total
from leads
where
    account_id = $account_id
    and (
        cast($search as text) is null
        or case
            when cast($is_plain as boolean) then
                strpos(lower(name collate "C"), cast($search as text)) > 0
                or strpos(lower(email collate "C"), cast($search as text)) > 0
                or strpos(lower(company collate "C"), cast($search as text)) > 0
                or strpos(lower(crm_owner collate "C"), cast($search as text)) > 0
            else
                strpos(lower(name), cast($search as text)) > 0
                or strpos(lower(email), cast($search as text)) > 0
                or strpos(lower(company), cast($search as text)) > 0
                or strpos(lower(crm_owner), cast($search as text)) > 0
        end
        or strpos(phone, cast($digits as text)) > 0
        or crm_id = cast($crm_id as text)
        or id = cast($id as uuid)
    )
