-- One page of the contacts that cannot be leads for one reason, or for any, by name.
-- reads: staging.rejections, crm_connections   grain: one row per contact
-- parameters: account_id, reason (null for all), row_limit, row_offset
with page as (
    select account_id, contact_id, connection_id, provider, object_type, crm_id, name, reason, value, rejected_at
    from staging.rejections
    where account_id = $account_id and (cast($reason as text) is null or reason = cast($reason as text))
    order by name collate "C" nulls last, crm_id collate "C", contact_id
    limit cast($row_limit as bigint) offset cast($row_offset as bigint)
)

select p.*, cast(c.connection_metadata as text) as connection_metadata
from page p
left join crm_connections c on c.account_id = p.account_id and c.id = p.connection_id
order by p.name collate "C" nulls last, p.crm_id collate "C", p.contact_id
