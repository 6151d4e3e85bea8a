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
from crm_pipeline.warehouse.session import Row, Session

PLACE = (
    "match/create_claims", "match/create_returns", "match/create_groups", "match/create_lost_leads",
    "match/create_placements",
    "leads/create_new_lead_origins", "leads/create_next_leads", "leads/create_changed_leads", "leads/create_left_leads",
    "leads/create_changed_reasons",
)  # fmt: skip
CHANGED, NEW, LEFT = "leads/create_changed_leads", "leads/create_new_lead_origins", "leads/create_left_leads"
REASONS, LOST, PLACED = "leads/create_changed_reasons", "match/create_lost_leads", "match/create_placements"
RECORD = (
    (CHANGED, "leads/record_updates"), (CHANGED, "leads/record_events"), (LEFT, "leads/record_left"),
    (REASONS, "leads/record_reasons"), (LOST, "leads/record_merges"),
)  # fmt: skip
WRITE = (
    (CHANGED, "leads/store_leads"), (LEFT, "leads/store_left"), (REASONS, "leads/store_reasons"),
    (PLACED, "match/follow_contacts"), (PLACED, "leads/carry_contacted"),
    (LOST, "leads/redirect_merges"), (LOST, "leads/store_merges"), (LOST, "leads/keep_contacted"),
    (LOST, "leads/drop_merged"), (NEW, "leads/forget_contacted"), (NEW, "leads/forget_merges"),
    (PLACED, "match/store_placements"), (None, "match/store_departures"), (LOST, "match/follow_merges"),
)  # fmt: skip
"""Each with the table it writes from, of PLACE; where that one is empty it would do nothing, and is left out."""


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
    removes_leads: bool = False,
) -> Results:
    """Match what waits of this connection and write the leads that change; the counts of what happened.

    `of_everybody`: all its contacts are matched anew, as if each had changed. `removes_leads`: `remove_leads` comes
    next and reads the tables made here, so they are made even if nobody is touched.
    """
    session.drop_temporary()
    session.lock_account(connection.account_id)
    values = _values(connection.account_id, sync_id, now, limits) | {"connection_id": str(connection.id)}
    session.run("transform/rebuild/take_everybody" if of_everybody else "transform/match/take_queue", **values)
    is_touched = _rebuild(session, values, always=removes_leads)
    session.run("transform/match/clear_queue", **values)
    return _results(session) if is_touched else _untouched(session)


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


def _rebuild(session: Session, values: Mapping[str, Any], *, always: bool = False) -> bool:
    """The leads of the contacts in `taken` and of all whose group they may touch; whether there was anything to do."""
    if not find_scope(session, values) and not always:
        return False
    bring_back(session, values)
    group_members(session, values)
    rows: dict[str | None, int] = {name: session.run(f"transform/{name}", **values) for name in PLACE}
    _write(session, RECORD, rows, values)
    _return_rows(session, values)
    _write(session, WRITE, rows, values)
    return True


def _write(
    session: Session,
    names: tuple[tuple[str | None, str], ...],
    rows: Mapping[str | None, int],
    values: Mapping[str, Any],
) -> None:
    for source, name in names:
        if source is None or rows[source]:
            session.run(f"transform/{name}", **values)


def _return_rows(session: Session, values: Mapping[str, Any]) -> None:
    """A lead that a split gives back has the row it had, the product's columns included; the CRM's are then written."""
    rows = session.rows("transform/leads/merged_rows", **values)
    if rows:
        session.insert_objects("leads", [row["lead"] for row in rows])


def _results(session: Session) -> Results:
    split = session.rows("transform/leads/count_split")[0]["split"]
    return _counted(session.rows("transform/leads/count_outcomes"), split)


def _untouched(session: Session) -> Results:
    """Where nothing that was read had changed."""
    return _counted(session.rows("transform/leads/count_untouched"), 0)


def _counted(rows: Sequence[Row], split: int) -> Results:
    counts: dict[str, int] = {}
    by_reason: dict[str, int] = {}
    for row in rows:
        counts[row["outcome"]] = counts.get(row["outcome"], 0) + row["contacts"]
        if row["outcome"] == "skipped":
            by_reason[row["reason"]] = row["contacts"]
    ordered = dict(sorted(by_reason.items(), key=lambda item: (-item[1], item[0])))
    return Results(**counts, split=split, skipped_by_reason=ordered)
