-- Which leads of an account a search finds, in the order of any column, rows without a value last.
-- Found leads are few, and PostgreSQL takes them for many: `greatest` keeps it from walking all along the index.
-- reads: leads   grain: one row per lead of the page
-- parameters: account_id, search (in lower case; null for all), is_plain (the search is ASCII, which PostgreSQL
-- compares much faster), digits (of a phone), crm_id, id (null where the search is none),
-- sort (a column), is_descending, row_limit (null for all), row_offset
with found as (
    select
        id, name,
        case cast($sort as text)
            when 'name' then lower(name) when 'first_name' then lower(first_name)
            when 'last_name' then lower(last_name) when 'phone' then phone when 'email' then email
            when 'company' then lower(company) when 'lead_type' then lead_type when 'crm_id' then crm_id
            when 'crm_source' then crm_source when 'crm_status' then lower(crm_status)
            when 'crm_stage' then lower(crm_stage) when 'crm_description' then lower(crm_description)
            when 'crm_owner' then lower(crm_owner) when 'crm_owner_email' then lower(crm_owner_email)
            when 'crm_inactive_reason' then crm_inactive_reason
        end as words,
        case cast($sort as text)
            when 'crm_last_activity_at' then
                case
                    when cast($search as text) is null then crm_last_activity_at
                    else greatest(crm_last_activity_at, crm_last_activity_at)
                end
            when 'crm_inactive_at' then crm_inactive_at
            when 'last_crm_sync_at' then last_crm_sync_at when 'contacted_at' then contacted_at
            when 'created_at' then created_at when 'updated_at' then updated_at
        end as moment
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
)

select id
from found
order by
    case when not cast($is_descending as boolean) then words end collate "C" asc nulls last,
    case when cast($is_descending as boolean) then words end collate "C" desc nulls last,
    case when not cast($is_descending as boolean) then moment end asc nulls last,
    case when cast($is_descending as boolean) then moment end desc nulls last,
    name collate "C",
    id
limit cast($row_limit as bigint) offset cast($row_offset as bigint)
