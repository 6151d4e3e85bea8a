-- One contact per rejection reason, to show what a reason means; of several the one with a name and the shortest text.
-- reads: staging.rejections   grain: one row per reason   parameters: account_id, connection_id
select reason, name, crm_id, value
from (
    select
        reason,
        name,
        crm_id,
        value,
        row_number() over (
            partition by reason order by (name is null), (value is null), length(value), crm_id collate "C"
        ) as position
    from staging.rejections
    where account_id = $account_id and connection_id = cast($connection_id as uuid)
) ranked
where position = 1
order by reason collate "C"
