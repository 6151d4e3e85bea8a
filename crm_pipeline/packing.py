"""How many connections are shared out to a few runs, for the hourly schedule and for a clock outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from crm_pipeline.fleet import FETCH_SECONDS
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.session import Session

SLOW = 1e9
"""Seconds that a first sync, or one that was not finished, is taken to last: nobody knows."""
LATELY = timedelta(days=8)
"""Within it every connection had a complete pass."""
SEVERAL = "several"


def usual_seconds(session: Session, since: datetime) -> Mapping[UUID, float]:
    """How long the longest sync of each connection took lately; for ever, where the newest was not finished."""
    longest = {
        UUID(str(row["connection_id"])): row["longest"].total_seconds()
        for row in session.rows("reports/longest_syncs", since=since)
    }
    unfinished = {
        UUID(str(row["connection_id"])): SLOW
        for row in session.rows("reports/last_syncs")
        if row["status"] == "interrupted" or row["finished_at"] is None
    }
    return longest | unfinished


def slow_apart(due: Sequence[Connection], seconds: Mapping[UUID, float]) -> tuple[list[Connection], list[Connection]]:
    """The quick ones, and those whose time in a run would be up, for runs of their own after everybody else's."""
    slow = [one for one in due if seconds.get(one.id, SLOW) >= FETCH_SECONDS]
    return [one for one in due if one not in slow], slow


def packed(due: Sequence[Connection], runs: int, seconds: Mapping[UUID, float]) -> list[list[Connection]]:
    """Share connections out: a run each while they are few, else an account whole to the run that has least to do.

    In each run the quick ones begin first, so that nobody waits behind a slow one.
    """

    def lasts(connection: Connection) -> float:
        return seconds.get(connection.id, SLOW)

    if len(due) <= runs:
        return [[one] for one in due]
    accounts: dict[str, list[Connection]] = {}
    for one in due:
        accounts.setdefault(one.account_id, []).append(one)
    shares: list[list[Connection]] = [[] for _ in range(min(runs, len(accounts)))]
    for account in sorted(accounts, key=lambda name: (-len(accounts[name]), name)):
        min(shares, key=len).extend(accounts[account])
    return [sorted(share, key=lasts) for share in shares]


def only(values: Iterable[str]) -> str:
    """The one value that all have, or that there are several."""
    different = set(values)
    return different.pop() if len(different) == 1 else SEVERAL
