"""Contacts become leads: matched into people with stable ids, and written where something changed.

Everything is SQL over the touched groups only; Python only repeats a round until nothing changes. Runs inside the
caller's transaction, under the account's lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from crm_pipeline.domain.identity import USUAL_LIMITS, Limits
from crm_pipeline.walk.connection import USUAL_RANK, Connection
from crm_pipeline.walk.matching import find_scope, group_members
from crm_pipeline.walk.removal import bring_back
from crm_pipeline.warehouse.session import Session

PLACE = (
    "match/create_claims", "match/create_returns", "match/create_groups", "match/create_lost_leads",
    "match/create_placements",
    "leads/create_new_lead_origins", "leads/create_next_leads", "leads/create_changed_leads", "leads/create_left_leads",
    "leads/create_changed_reasons",
)  # fmt: skip
RECORD = (
    "leads/record_updates", "leads/record_events", "leads/record_left", "leads/record_reasons", "leads/record_merges",
)  # fmt: skip
WRITE = (
    "leads/store_leads", "leads/store_left", "leads/store_reasons", "leads/redirect_merges", "leads/store_merges",
    "leads/keep_contacted", "leads/drop_merged", "leads/return_contacted", "leads/forget_contacted",
    "leads/forget_merges",
    "match/follow_contacts", "match/store_placements", "match/store_departures", "match/follow_merges",
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


def build_leads(
    session: Session,
    connection: Connection,
    *,
    sync_id: UUID,
    now: datetime,
    limits: Limits = USUAL_LIMITS,
    of_everybody: bool = False,
) -> Results:
    """Match what waits of this connection and write the leads that change; the counts of what happened.

    `of_everybody`: all its contacts are matched anew, as if each had changed.
    """
    session.drop_temporary()
    session.lock_account(connection.account_id)
    values = _values(connection.account_id, sync_id, now, limits) | {"connection_id": str(connection.id)}
    session.run("transform/rebuild/take_everybody" if of_everybody else "transform/match/take_queue", **values)
    _rebuild(session, values)
    session.run("transform/match/clear_queue", **values)
    return _results(session)


def rebuild_groups(
    session: Session,
    account_id: str,
    contact_ids: Sequence[str],
    *,
    change_id: UUID,
    now: datetime,
    limits: Limits = USUAL_LIMITS,
) -> None:
    """Match contacts anew, and all their groups, although no sync has read them. Inside the caller's transaction.

    `change_id` stands where the id of a sync does; what waits for a sync goes on waiting.
    """
    session.drop_temporary()
    session.lock_account(account_id)
    values = _values(account_id, change_id, now, limits)
    session.run("transform/match/take_contacts", contact_ids=list(contact_ids), **values)
    _rebuild(session, values)


def _values(account_id: str, sync_id: UUID, now: datetime, limits: Limits) -> dict[str, Any]:
    return {
        "account_id": account_id,
        "sync_id": str(sync_id),
        "default_rank": USUAL_RANK,
        "now": now,
        "max_people_per_phone": limits.people_per_phone,
        "max_people_per_email": limits.people_per_email,
        "max_strangers": limits.strangers,
    }


def _rebuild(session: Session, values: Mapping[str, Any]) -> None:
    """The leads of the contacts in `taken` and of all whose group they may touch."""
    find_scope(session, values)
    bring_back(session, values)
    group_members(session, values)
    _run(session, PLACE, values)
    _run(session, RECORD, values)
    _return_rows(session, values)
    _run(session, WRITE, values)


def _run(session: Session, names: tuple[str, ...], values: Mapping[str, Any]) -> None:
    for name in names:
        session.run(f"transform/{name}", **values)


def _return_rows(session: Session, values: Mapping[str, Any]) -> None:
    """A lead that a split gives back has the row it had, the product's columns included; the CRM's are then written."""
    rows = session.rows("transform/leads/merged_rows", **values)
    if rows:
        session.insert_objects("leads", [row["lead"] for row in rows])


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
