-- One sync whole; whoever's it is where no account is given, since its id alone leads to it.
-- reads: sync_runs, crm_connections   grain: one row   parameters: account_id (null for all), sync_id
select
    r.account_id, r.sync_id, r.connection_id, r.provider, c.nango_connection_id, r.strategy, r.preview_of,
    r.is_forced, r.pass, r.trigger, r.status, r.fetched, r.created, r.updated, r.unchanged, r.merged, r.skipped,
    r.removed, r.split, cast(r.skipped_by_reason as text) as skipped_by_reason, cast(r.notes as text) as notes,
    r.requests, r.started_at, r.finished_at, r.error_code, r.error_message, r.error_action
from sync_runs r
left join crm_connections c on c.account_id = r.account_id and c.id = r.connection_id
where
    r.sync_id = cast($sync_id as uuid)
    and (cast($account_id as text) is null or r.account_id = cast($account_id as text))
