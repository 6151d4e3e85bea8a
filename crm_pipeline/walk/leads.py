"""Contacts become leads: matched into people with stable ids, and written where something changed.

Everything is SQL over the touched groups only; Python only repeats a round until nothing changes. Runs inside the
caller's transaction, under the account's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from crm_pipeline.walk.connection import USUAL_RANK, Connection
from crm_pipeline.warehouse.session import Session

MATCH = ("match/create_members", "match/create_shared_points")
PLACE = (
    "match/create_claims", "match/create_groups", "match/create_lost_leads", "match/create_placements",
    "leads/create_new_lead_origins", "leads/create_next_leads", "leads/create_changed_leads", "leads/create_left_leads",
)  # fmt: skip
WRITE = (
    "leads/record_updates", "leads/record_events", "leads/record_left", "leads/record_merges", "leads/store_leads",
    "leads/store_left", "leads/redirect_merges", "leads/store_merges", "leads/keep_contacted", "leads/drop_merged",
    "leads/return_contacted", "leads/forget_contacted", "leads/forget_merges", "match/store_placements",
    "match/store_departures", "match/follow_merges", "match/clear_queue",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a sync did. Every contact it read is in exactly one of the five outcomes."""

    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    skipped: int = 0
    removed: int = 0
    split: int = 0
    skipped_by_reason: Mapping[str, int] = field(default_factory=dict)

    @property
    def fetched(self) -> int:
        return self.created + self.updated + self.unchanged + self.merged + self.skipped

    def as_dict(self) -> dict[str, int]:
        """The published shape of `results`."""
        names = ("fetched", "created", "updated", "unchanged", "merged", "skipped", "removed", "split")
        return {name: getattr(self, name) for name in names}

    def sentence(self) -> str:
        """What an account manager reads."""
        synced = self.fetched - self.skipped
        return f"Synced {synced:,} contacts ({self.created:,} new, {self.updated + self.merged:,} updated)"


def build_leads(session: Session, connection: Connection, *, sync_id: UUID, now: datetime) -> Results:
    """Match what waits of this connection and write the leads that change; the counts of what happened."""
    session.drop_temporary()
    session.lock_account(connection.account_id)
    values: dict[str, Any] = {
        "account_id": connection.account_id,
        "connection_id": str(connection.id),
        "sync_id": str(sync_id),
        "default_rank": USUAL_RANK,
        "now": now,
    }
    _run(session, ("match/take_queue", "match/create_scope"), values)
    _widen(session, values)
    _run(session, MATCH, values)
    while session.run("transform/match/join_groups"):
        pass
    _run(session, PLACE, values)
    _run(session, WRITE, values)
    return _results(session)


def _run(session: Session, names: tuple[str, ...], values: Mapping[str, Any]) -> None:
    for name in names:
        session.run(f"transform/{name}", **values)


def _widen(session: Session, values: Mapping[str, Any]) -> None:
    """Add what shares a value, a lead or a CRM merge with the contacts found last, until nobody is new."""
    last_round = 0
    while session.run("transform/match/widen_scope", last_round=last_round, **values):
        last_round += 1


def _results(session: Session) -> Results:
    counts: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    for row in session.rows("transform/leads/count_outcomes"):
        counts[row["outcome"]] = counts.get(row["outcome"], 0) + row["contacts"]
        if row["outcome"] == "skipped":
            by_reason[row["reason"]] = row["contacts"]
    split = session.rows("transform/leads/count_split")[0]["split"]
    ordered = dict(sorted(by_reason.items(), key=lambda item: (-item[1], item[0])))
    return Results(**counts, split=split, skipped_by_reason=ordered)
