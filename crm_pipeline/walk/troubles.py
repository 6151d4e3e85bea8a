"""Of what people are told, and when: once that a connection is in trouble, and once that it is well again.

The same of an account's leads, while a blocking check finds them wrong. The store says what is wrong now
(`crm_connections`, `sync_runs`, `failing_checks`) and what each channel was told (`troubles`); the difference is what
is to be told. So a trouble that lasts is told once, one that could not be sent is tried again, and it does not matter
who asks or how often. The store is closed while a message is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from crm_pipeline.errors import PipelineError
from crm_pipeline.nango.bodies import safe_text
from crm_pipeline.notices.channels import Channel, NotSent
from crm_pipeline.notices.message import Failing, Recovered, compose
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.walk import registry
from crm_pipeline.walk.connection import NAMESPACE
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Row, Session

PATIENCE = timedelta(minutes=90)
"""What usually heals in the next hourly sync is told only when it lasts longer than that."""
HEALS = frozenset({"rate_limited", "daily_limit", "provider_unavailable", "nango_unavailable", "warehouse_locked"})
STALE_AFTER = timedelta(hours=26)
"""A connection that no sync has reached for a day is told of, whoever forgot it."""
RUNS_FOR = timedelta(days=2)
OWN: dict[str, tuple[str, str]] = {
    "connection_expired": (
        "Nango can no longer renew the access to the CRM.",
        "Connect it again: `crm-pipeline connect ACCOUNT PROVIDER`.",
    ),
    "cut_short": (
        "The last two syncs were cut short: their process ended before they did.",
        "Look at the memory and the log of the machine that runs them. Nothing is lost, the next sync continues.",
    ),
    "not_synced": (
        "No sync was started, or none has come to its end without an error.",
        "Look whether the hourly schedule runs, and at Dagster's last runs; `crm-pipeline doctor` checks the rest.",
    ),
}
"""What went wrong and what to do where no error says it."""
NO_CONNECTION = UUID(int=0)
"""In the place of a connection where an account's leads are wrong."""
TELLING = uuid5(NAMESPACE, "telling")
"""The lock of whoever tells; two at once would tell twice."""

Whose = tuple[str, UUID]
Key = tuple[str, UUID, str]


@dataclass(frozen=True, slots=True)
class Due:
    """What one channel has to be told now, as rows of `notices/known`."""

    failing: Sequence[Row]
    recovered: Sequence[Row]

    @property
    def rows(self) -> list[Row]:
        return [*self.failing, *self.recovered]


def tell(warehouse: Warehouse, channels: Iterable[Channel], *, now: datetime) -> list[str]:
    """Tell every channel what is due. Never raises: what could not be sent or read is answered in words."""
    problems = []
    for channel in channels:
        try:
            with warehouse.connection_lock(TELLING, wait=0, label="the notices"):
                _tell(warehouse, channel, now)
        except NotSent as error:
            problems.append(f"A notice could not be sent and is tried again: {error}.")
        except PipelineError as error:
            if error.code != "warehouse_locked":  # somebody else is telling
                problems.append(f"Notices could not be read: {error.message}")
    return problems


def _tell(warehouse: Warehouse, channel: Channel, now: datetime) -> None:
    with warehouse.session() as session:
        due = find_due(session, channel.name, now=now)
    if not due.rows:
        return
    channel.send(compose([_failing(row) for row in due.failing], [_recovered(rows) for rows in _by_connection(due)]))
    with warehouse.session() as session, session.transaction():
        for row in due.failing:
            session.run("notices/note_told", **_keys(row, channel.name), now=now)
        for row in due.recovered:
            session.run("notices/forget_trouble", **_keys(row, channel.name))


def find_due(session: Session, channel: str, *, now: datetime) -> Due:
    """Bring what the channel knows in line with what is so, and answer what it has to be told."""
    present = session.rows(
        "notices/present", runs_since=now - RUNS_FOR, stale_before=now - STALE_AFTER, no_connection=str(NO_CONNECTION)
    )
    in_use = {one.id for one in registry.connections(session) if one.is_active} | {NO_CONNECTION}
    ill = {_whose(row) for row in present}
    began = _began(session.rows("notices/known", channel=channel))
    with session.transaction():
        for row in present:
            what, action = _words(row)
            since = min(row["since"], began.get(_whose(row), row["since"]))
            values = {"provider": row["provider"], "message": what, "action": action, "since": since}
            session.run("notices/note_trouble", **_keys(row, channel), **values)
        for row in _over(session.rows("notices/known", channel=channel), {_key(row) for row in present}):
            if row["told_at"] is None or row["connection_id"] not in in_use:
                session.run("notices/forget_trouble", **_keys(row, channel))
            elif _whose(row) not in ill:  # else one trouble became another
                session.run("notices/end_trouble", **_keys(row, channel), now=now)
    known = session.rows("notices/known", channel=channel)
    well = [row for row in known if row["ended_at"] is not None and _whose(row) not in ill]
    return Due([row for row in known if _is_due(row, now)], well)


def _began(known: Iterable[Row]) -> dict[Whose, datetime]:
    """Since when each connection is in trouble: one that is named anew every hour has not begun anew."""
    found: dict[Whose, datetime] = {}
    for row in known:
        if row["ended_at"] is None and row["connection_id"] != NO_CONNECTION:
            found[_whose(row)] = min(row["began_at"], found.get(_whose(row), row["began_at"]))
    return found


def _over(known: Iterable[Row], present: set[Key]) -> list[Row]:
    return [row for row in known if _key(row) not in present]


def _is_due(row: Row, now: datetime) -> bool:
    heals = row["code"] in HEALS and now - row["began_at"] < PATIENCE
    return row["told_at"] is None and row["ended_at"] is None and not heals


def _whose(row: Row) -> Whose:
    return row["account_id"], row["connection_id"]


def _key(row: Row) -> Key:
    return row["account_id"], row["connection_id"], row["code"]


def _keys(row: Row, channel: str) -> dict[str, str]:
    keys = {"account_id": row["account_id"], "connection_id": str(row["connection_id"]), "code": row["code"]}
    return keys | {"channel": channel}


def _words(row: Row) -> tuple[str, str]:
    """What went wrong, and what to do, as the error says it or else as we do."""
    own_what, own_action = OWN.get(row["code"], ("", ""))
    connect = f"`crm-pipeline connect {row['account_id']} {row['provider']}`"
    action = row["action"] or own_action
    return safe_text(row["message"] or own_what), action.replace("`crm-pipeline connect ACCOUNT PROVIDER`", connect)


def _failing(row: Row) -> Failing:
    return Failing(
        account_id=row["account_id"],
        crm=_title(row["provider"]),
        since=row["began_at"],
        code=row["code"],
        what=row["message"],
        action=row["action"],
        is_of_leads=row["connection_id"] == NO_CONNECTION,
    )


def _by_connection(due: Due) -> list[list[Row]]:
    found: dict[Whose, list[Row]] = {}
    for row in due.recovered:
        found.setdefault(_whose(row), []).append(row)
    return list(found.values())


def _recovered(rows: Sequence[Row]) -> Recovered:
    """One word of a connection, whatever it went through; named after what came first."""
    first = rows[0]
    return Recovered(
        account_id=first["account_id"],
        crm=_title(first["provider"]),
        since=min(row["began_at"] for row in rows),
        until=max(row["ended_at"] for row in rows),
        code=first["code"],
        is_of_leads=first["connection_id"] == NO_CONNECTION,
    )


def _title(provider: str) -> str:
    return PROVIDERS[provider].title if provider in PROVIDERS else provider
