"""What the service answers: values for the API and the page, without a word of HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

STATES = ("queued", "running", "succeeded", "failed", "held", "interrupted")
UNDER_WAY = frozenset({"queued", "running"})
STEPS = ("queued", "starting", "fetching", "building")


@dataclass(frozen=True, slots=True, kw_only=True)
class StartedSync:
    """A sync that was asked for; `is_joined` when it was queued or running already."""

    sync_id: UUID
    account_id: str
    provider: str
    connection_id: UUID
    is_joined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a sync under way has come."""

    step: str
    records: int = 0
    requests: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncState:
    """One sync, from the moment it was asked for."""

    sync_id: UUID
    account_id: str
    provider: str
    connection_id: UUID | None
    strategy: str
    state: str
    preview_of: str | None = None
    trigger: str = "manual"
    pass_kind: str | None = None
    progress: Progress | None = None
    """While it is under way."""
    results: Mapping[str, int] | None = None
    """Once it has ended with counts."""
    skipped_by_reason: Mapping[str, int] = field(default_factory=dict)
    sentence: str | None = None
    """What an account manager reads: `Synced 90 contacts (80 new, 8 updated)`."""
    error: Mapping[str, str] | None = None
    notes: tuple[str, ...] = ()
    requests: int = 0
    started_at: datetime | None = None
    finished_at: datetime | None = None
    nango_connection_id: str | None = None

    @property
    def is_over(self) -> bool:
        return self.state not in UNDER_WAY

    @property
    def success(self) -> bool:
        return self.state == "succeeded"

    @property
    def seconds(self) -> float | None:
        if self.started_at is None or self.finished_at is None:
            return None
        return round((self.finished_at - self.started_at).total_seconds(), 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionState:
    """One connection of an account, as the books know it; see `reports/status`."""

    account_id: str
    provider: str
    connection_id: UUID
    nango_connection_id: str
    state: str
    last_synced_at: datetime | None
    last_sync_id: UUID | None
    last_status: str | None
    sentence: str | None
    notes: tuple[str, ...]
    error: Mapping[str, Any] | None

    @property
    def connected(self) -> bool:
        return self.state == "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountStatus:
    """An account's connections; `provider` and `last_synced_at` are those of the connection synced last."""

    connected: bool
    provider: str | None
    last_synced_at: datetime | None
    connections: tuple[ConnectionState, ...]
    as_of: datetime | None = None
    """When it was so, where a sync has a DuckDB file open and nothing newer can be read."""
