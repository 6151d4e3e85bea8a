-- What is wrong now: with connections in use an error of the last sync, an authorisation that Nango cannot renew, two
-- syncs in a row that were cut short, or no sync for too long; with an account's leads a blocking check that fails.
-- reads: crm_connections, sync_runs, failing_checks
-- grain: one row per connection that is not well, and one per check that fails, of no connection
-- parameters: runs_since, stale_before, no_connection
with ended as (
    select
        account_id,
        connection_id,
        status,
        coalesce(error_code, '') = 'unfinished' as is_unfinished,
        row_number() over (partition by account_id, connection_id order by started_at desc, sync_id) as nth
    from sync_runs
    where
        strategy not in ('preview', 'rebuild')
        and status <> 'running'
        and started_at >= cast($runs_since as timestamptz)
),

cut_short as (
    select account_id, connection_id
    from ended
    where nth <= 2 and status = 'interrupted' and not is_unfinished
    group by account_id, connection_id
    having count(*) = 2
),

judged as (
    select
        c.account_id,
        c.id as connection_id,
        c.provider,
        case
            when
                c.state = 'needs_reconnect'
                and coalesce(c.last_error_code, '') not in ('connection_expired', 'connection_not_found')
                then 'connection_expired'
            when c.last_error_code is not null then c.last_error_code
            when s.connection_id is not null then 'cut_short'
            when coalesce(c.last_synced_at, c.created_at) < cast($stale_before as timestamptz) then 'not_synced'
        end as code,
        c.last_error_code,
        c.last_error_message,
        c.last_error_action,
        coalesce(c.last_error_at, c.last_synced_at, c.created_at) as since
    from crm_connections c
    left join cut_short s on s.account_id = c.account_id and s.connection_id = c.id
    where c.is_active and c.state <> 'unassigned'
),

wrong as (
    select
        account_id,
        connection_id,
        provider,
        code,
        case when code = last_error_code then last_error_message end as message,
        case when code = last_error_code then last_error_action end as action,
        since
    from judged
    where code is not null
    union all
    select account_id, cast($no_connection as uuid), 'leads', name, message, action, failing_since
    from failing_checks
    where is_blocking
)

select account_id, connection_id, provider, code, message, action, since
from wrong
order by account_id collate "C", provider collate "C", connection_id, code collate "C"
