-- Contacts that cannot be leads now; those with the same reason together.
-- reads: staging.rejections, crm_connections   grain: one row per contact; total counts those beyond the limit too
-- parameters: account_id, reason (null for all), row_limit (null for all)
select
    r.account_id,
    r.name,
    r.provider,
    r.crm_id,
    r.object_type,
    r.reason,
    r.value,
    r.contact_id,
    r.connection_id,
    r.sync_id,
    r.rejected_at,
    cast(c.connection_metadata as text) as connection_metadata,
    count(*) over (partition by r.reason) as reason_total,
    count(*) over () as total
from staging.rejections r
left join crm_connections c on c.account_id = r.account_id and c.id = r.connection_id
where r.account_id = $account_id and (cast($reason as text) is null or r.reason = cast($reason as text))
order by reason_total desc, r.reason collate "C", r.name collate "C" nulls last, r.crm_id collate "C"
limit cast($row_limit as bigint)
