-- Whether an account has to be looked at although none of its leads changed: a check of it is red, a connection of it
-- is not fresh, or it was not looked at today.
-- reads: failing_checks, account_days, crm_connections   grain: one row   parameters: account_id, today, stale_before
select
    exists (select 1 from failing_checks f where f.account_id = $account_id)
    or not exists (
        select 1 from account_days d where d.account_id = $account_id and d.day = cast($today as date)
    )
    or exists (
        select 1 from crm_connections c
        where
            c.account_id = $account_id
            and c.is_active
            and c.state <> 'unassigned'
            and coalesce(c.last_synced_at, c.created_at) < cast($stale_before as timestamptz)
    ) as is_due
