"""Everything after raw again: which connections take part, and what it came to.

A rebuild reads every raw record as today's mapper and settings read it, and matches everybody; it writes only what
comes out differently. What is not in raw stays as it was decided: contacts that a complete pass found absent, what the
CRM merged, ids, removed leads, rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_pipeline.errors import ConfigError, PipelineError
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.walk import registry
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection
from crm_pipeline.walk.leads import Results
from crm_pipeline.warehouse.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Rebuilt:
    """The rebuild of one account; an entry of the books for each connection."""

    account_id: str
    syncs: tuple[SyncResult, ...]
    started_at: datetime
    finished_at: datetime
    error: PipelineError | None = None
    """Why nothing was rebuilt, or only the contacts: then what changed on them waits for the next sync."""

    @property
    def success(self) -> bool:
        return self.error is None

    @property
    def seconds(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()

    @property
    def results(self) -> Results:
        """The counts of all connections together."""
        names = ("created", "updated", "unchanged", "merged", "skipped", "split")
        by_reason: dict[str, int] = {}
        for sync in self.syncs:
            for reason, count in sync.results.skipped_by_reason.items():
                by_reason[reason] = by_reason.get(reason, 0) + count
        ordered = dict(sorted(by_reason.items(), key=lambda item: (-item[1], item[0])))
        sums = {name: sum(getattr(sync.results, name) for sync in self.syncs) for name in names}
        return Results(**sums, skipped_by_reason=ordered)

    def as_dict(self) -> dict[str, Any]:
        """The published shape of one entry of `rebuild --json`."""
        return {
            "account_id": self.account_id,
            "success": self.success,
            "results": self.results.as_dict(),
            "seconds": round(self.seconds, 3),
            "error": self.error.as_dict() if self.error else None,
            "connections": [sync.as_dict() for sync in self.syncs],
        }


def connections_to_rebuild(session: Session, account_id: str) -> list[Connection]:
    """Every connection of the account that this version can read, also one that is not synced any more.

    In the order in which their locks are taken. Unusable settings are refused before anything is written.
    """
    known = registry.connections(session, account_id=account_id)
    chosen = sorted((one for one in known if one.provider in PROVIDERS), key=lambda one: str(one.id))
    if not chosen:
        raise ConfigError(
            "invalid_setting",
            f"Account {account_id!r} has no connection, so there is nothing to rebuild.",
            action="List the accounts with `crm-pipeline connections`.",
        )
    for connection in chosen:
        connection.check_settings()
    return chosen
