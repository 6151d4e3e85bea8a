"""Keeping the store and the data directory small, without changing a lead.

What goes is what no later reading can ask for: older versions of raw records, names that have newer ones, passes that
were read, syncs that changed nothing, what dlt leaves behind. A rebuild afterwards gives the same leads. `lead_changes`
and `lead_merges` stay for ever, since they say why a lead is as it is and undo a merge.

Each connection is tidied under its lock; one that is being synced is left for the next time.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from crm_pipeline.errors import WarehouseError
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.walk import registry
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Session

RAW_KEPT = timedelta(days=90)
REMOVED_KEPT = timedelta(days=365)
"""How long a lead that an overwrite took away can be put back: it is personal data of somebody who left."""
RAW = {
    "raw versions": "drop_stale_versions",
    "records set aside": "drop_stale_aside",
    "references": "drop_stale_references",
    "complete passes": "drop_read_passes",
    "landings": "drop_bare_landings",
}
"""What is dropped of a connection's raw data, in this order."""
DLT_TABLES, DLT = 2, {"dlt states": "drop_dlt_states", "dlt loads": "drop_dlt_loads"}
PENDING = ("load/normalized", "normalize/extracted")
"""Where dlt keeps what the next sync has to load."""


@dataclass(slots=True)
class Freed:
    """What one maintenance came to."""

    rows: dict[str, int] = field(default_factory=dict)
    folder_bytes: int = 0
    busy: list[str] = field(default_factory=list)
    """Connections that were being synced, so that nothing of them was touched."""
    connections: int = 0
    size_before: int = 0
    size_after: int = 0

    def add(self, what: str, count: int) -> None:
        self.rows[what] = self.rows.get(what, 0) + count

    def as_dict(self) -> dict[str, Any]:
        """The published answer of `maintenance --json`."""
        return {
            "connections": self.connections,
            "busy": list(self.busy),
            "rows": dict(self.rows),
            "folder_bytes": self.folder_bytes,
            "store_bytes_before": self.size_before,
            "store_bytes_after": self.size_after,
        }


def maintain(warehouse: Warehouse, *, now: datetime) -> Freed:
    """Tidy every connection that is not being synced, then the store as a whole."""
    freed = Freed()
    with warehouse.session() as session:
        freed.size_before, known = session.size(), registry.connections(session)
    for connection in known:
        try:
            with warehouse.connection_lock(connection.id, wait=0, label=connection.label):
                _tidy(warehouse, connection, freed, now)
        except WarehouseError as error:
            if error.code != "warehouse_locked":
                raise
            freed.busy.append(connection.label)
    with warehouse.session() as session:
        tidy_all(session, freed, now=now)
        freed.size_after = session.size()
    return freed


def _tidy(warehouse: Warehouse, connection: Connection, freed: Freed, now: datetime) -> None:
    with warehouse.session() as session:
        drop_rows(session, connection, freed, now=now)
    freed.folder_bytes += drop_folders(warehouse.data_dir, connection)
    freed.connections += 1


def drop_rows(session: Session, connection: Connection, freed: Freed, *, now: datetime) -> None:
    """Drop what is superseded of one connection, whose lock the caller holds."""
    keys: Mapping[str, Any] = {
        "account_id": connection.account_id,
        "connection_id": str(connection.id),
        "before": now - RAW_KEPT,
    }
    session.drop_temporary()
    with session.transaction():
        if (provider := connection.provider) in PROVIDERS:
            session.ensure_raw(provider)
            session.run("maintenance/create_stale_versions", raw_of=provider, **keys)
            for what, statement in RAW.items():
                freed.add(what, session.run(f"maintenance/{statement}", raw_of=provider, **keys))
        freed.add("syncs", session.run("maintenance/drop_idle_runs", **keys))


def tidy_all(session: Session, freed: Freed, *, now: datetime) -> None:
    """Drop what belongs to no single connection, and give the room back."""
    for account in sorted({one.account_id for one in registry.connections(session)}):
        with session.transaction():
            session.lock_account(account)
            keys: Mapping[str, Any] = {"account_id": account, "before": now - REMOVED_KEPT}
            freed.add("removed leads", session.run("maintenance/forget_removed_leads", **keys))
            freed.add("days", session.run("maintenance/drop_old_days", account_id=account, before=now - RAW_KEPT))
    if len(session.rows("maintenance/dlt_tables")) == DLT_TABLES:
        with session.transaction():
            for what, statement in DLT.items():
                freed.add(what, session.run(f"maintenance/{statement}", before=now - RAW_KEPT))
    session.tidy()


def drop_folders(data_dir: Path, connection: Connection) -> int:
    """Drop what lies on disk for a connection whose lock the caller holds; the bytes.

    dlt's folder is built anew from the store, unless it holds what an interrupted sync has not loaded yet.
    """
    pipeline = data_dir / "dlt" / f"{connection.provider}_{connection.id.hex}"
    is_pending = any((pipeline / place).is_dir() and any((pipeline / place).iterdir()) for place in PENDING)
    folders = [data_dir / "spool" / str(connection.id), *([] if is_pending else [pipeline])]
    return sum(_drop(folder) for folder in folders)


def _drop(folder: Path) -> int:
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    shutil.rmtree(folder, ignore_errors=True)
    return size
