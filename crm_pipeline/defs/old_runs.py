"""Dagster's own runs: the old ones go, with their events and logs; what the pages of the assets show stays."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path

import dagster as dg
from dagster._core.storage.event_log import SqliteEventLogStorage

from crm_pipeline.defs.queue import forget

MOST = 2000
"""Runs that are dropped at a time: each takes some hundredths of a second, and another night comes."""
OVER = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
PAGE = 500


def drop_old_runs(instance: dg.DagsterInstance, *, before: datetime, most: int = MOST) -> int:
    """Drop runs that ended and began before then, the oldest first; the number of them.

    The newest materialization of every asset and account stays with its run: without it the account would look as if it
    had never been synced.
    """
    newest = runs_of_newest(instance)
    chosen = list(islice((id for id in old_runs(instance, before) if id not in newest), most))
    for run_id in chosen:
        instance.delete_run(run_id)
        instance.compute_log_manager.delete_logs(prefix=[run_id])
        drop_file(instance, run_id)
        forget(instance, run_id)
    return len(chosen)


def drop_file(instance: dg.DagsterInstance, run_id: str) -> None:
    """SQLite has a file for the events of each run, which Dagster empties and leaves behind."""
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        file = Path(storage.path_for_shard(run_id))
        for name in (file.name, f"{file.name}-wal", f"{file.name}-shm"):
            file.with_name(name).unlink(missing_ok=True)


def old_runs(instance: dg.DagsterInstance, before: datetime) -> Iterator[str]:
    """Ids of runs that are over, the oldest first."""
    found = dg.RunsFilter(statuses=OVER, created_before=before)
    cursor: str | None = None
    while records := instance.get_run_records(found, limit=PAGE, ascending=True, cursor=cursor):
        for record in records:
            yield record.dagster_run.run_id
        cursor = records[-1].dagster_run.run_id


def runs_of_newest(instance: dg.DagsterInstance) -> set[str]:
    """The runs to which the newest materializations belong."""
    kept = set[str]()
    for key in instance.get_asset_keys():
        newest = instance.event_log_storage.get_latest_storage_id_by_partition(
            key, dg.DagsterEventType.ASSET_MATERIALIZATION
        )
        ids = sorted(newest.values())
        for start in range(0, len(ids), PAGE):
            some = dg.AssetRecordsFilter(asset_key=key, storage_ids=ids[start : start + PAGE])
            kept.update(record.run_id for record in instance.fetch_materializations(some, limit=PAGE).records)
    return kept
