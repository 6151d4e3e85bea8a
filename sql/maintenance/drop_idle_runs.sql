-- Old syncs of a connection that changed no lead, but for its newest: the changes that others made stay explained.
-- reads: sync_runs, lead_changes, removed_leads, lead_merges   writes: sync_runs
-- parameters: account_id, connection_id, before
delete from sync_runs
where
    sync_runs.account_id = $account_id
    and sync_runs.connection_id = cast($connection_id as uuid)
    and sync_runs.status <> 'running'
    and sync_runs.started_at < cast($before as timestamptz)
    and exists (
        select 1 from sync_runs n
        where
            n.account_id = $account_id
            and n.connection_id = cast($connection_id as uuid)
            and n.strategy not in ('preview', 'rebuild')
            and n.started_at > sync_runs.started_at
    )
    and sync_runs.sync_id not in (select c.sync_id from lead_changes c where c.account_id = $account_id)
    and sync_runs.sync_id not in (select d.sync_id from removed_leads d where d.account_id = $account_id)
    and sync_runs.sync_id not in (select m.sync_id from lead_merges m where m.account_id = $account_id)
