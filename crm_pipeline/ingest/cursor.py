"""Where a connection's next pass starts: pure rules over the state that commits with the landed rows.

The watermark is the time a pass started, never the newest change seen: a record changed behind the pass is read by the
next one. Overlaps pay for a CRM index that shows a change late.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

OVERLAP = timedelta(minutes=15)
DEEP_OVERLAP = timedelta(hours=2)
"""Taken once an hour, for changes that the CRM's search index showed later than 15 minutes."""
DEEP_EVERY = timedelta(minutes=55)
COMPLETE_EVERY = timedelta(days=7)
"""Where the provider does not ask for more, because only a complete pass shows what was deleted."""
RESUME_WITHIN = timedelta(hours=24)

State = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class PassPlan:
    """One pass: what kind, since when, and from where if an earlier run of it was cut short."""

    kind: str
    started_at: datetime
    since: datetime | None = None
    resume: str | None = None
    is_deep: bool = False
    unread: frozenset[str] = frozenset()
    """Object types that the part of it that was made already could not read."""


def plan_pass(
    state: Mapping[str, Any], *, now: datetime, full: bool, complete_every: timedelta = COMPLETE_EVERY
) -> PassPlan:
    """The pass a sync has to make now. `full` asks for everything, whatever the state says."""
    unfinished = _unfinished(state, now, full)
    if unfinished is not None:
        return unfinished
    watermark, complete_at = _past(state, "watermark", now), _past(state, "complete_at", now)
    if full or watermark is None or complete_at is None or now - complete_at > complete_every:
        return PassPlan(kind="complete", started_at=now, is_deep=True)
    deep_at = _past(state, "deep_at", now)
    is_deep = deep_at is None or now - deep_at > DEEP_EVERY
    since = min(watermark, now) - (DEEP_OVERLAP if is_deep else OVERLAP)
    return PassPlan(kind="window", started_at=now, since=since, is_deep=is_deep)


def references_since(state: Mapping[str, Any], plan: PassPlan, now: datetime) -> datetime | None:
    """Up to when references that are listed by time of change are held; None: read all of them.

    A new complete pass reads them all again; one that goes on after an interruption has read them already.
    """
    held_at = _past(state, "references_at", now)
    if held_at is None or (plan.kind == "complete" and plan.resume is None):
        return None
    return held_at - DEEP_OVERLAP


def page_landed(state: State, plan: PassPlan, resume: str, *, unread: Collection[str] = ()) -> None:
    """Note how far the pass has come, so that a later run continues there."""
    state["unfinished"] = {
        "kind": plan.kind,
        "started_at": plan.started_at.isoformat(),
        "since": plan.since.isoformat() if plan.since else None,
        "is_deep": plan.is_deep,
        "resume": resume,
        "unread": sorted(unread),
    }


def pass_landed(state: State, plan: PassPlan, *, unread: Collection[str] = ()) -> None:
    """The pass reached its end: move the watermark to its start.

    `unread` are object types that it was not allowed to read. Once a window can read one again the next pass is
    complete: changes went by meanwhile that no window shows any more.
    """
    state.pop("unfinished", None)
    started_at = plan.started_at.isoformat()
    state["watermark"] = started_at
    if plan.kind == "complete":
        state["complete_at"] = started_at
    elif set(state.get("unread", ())) - set(unread):
        state.pop("complete_at", None)
    state["unread"] = sorted(unread)
    if plan.is_deep:
        state["deep_at"] = started_at


def _unfinished(state: Mapping[str, Any], now: datetime, full: bool) -> PassPlan | None:
    kept = state.get("unfinished")
    if not kept or (full and kept["kind"] != "complete"):
        return None
    started_at = datetime.fromisoformat(kept["started_at"])
    if not timedelta(0) <= now - started_at <= RESUME_WITHIN:
        return None
    since = datetime.fromisoformat(kept["since"]) if kept["since"] else None
    return PassPlan(
        kind=kept["kind"],
        started_at=started_at,
        since=since,
        resume=kept["resume"],
        is_deep=bool(kept["is_deep"]),
        unread=frozenset(kept.get("unread", ())),
    )


def _past(state: Mapping[str, Any], key: str, now: datetime) -> datetime | None:
    """A time of an earlier pass; None when it lies in the future, so that the clock was wrong then or is wrong now.

    A clock that is off by less than the overlap does no harm.
    """
    value = state.get(key)
    moment = datetime.fromisoformat(value) if value else None
    return moment if moment is None or moment <= now + OVERLAP else None
