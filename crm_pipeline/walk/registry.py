"""The registry of connections: what Nango knows, merged into `crm_connections`. No token ever comes near it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from crm_pipeline.errors import ConnectionBusy, NangoError
from crm_pipeline.nango.connections import NangoConnection
from crm_pipeline.providers import PROVIDERS, provider_named
from crm_pipeline.providers.provider import Provider
from crm_pipeline.walk.connection import Connection, derived_connection_id, rank_of
from crm_pipeline.warehouse.session import Row, Session

METADATA_KEY = "crm_pipeline"
UNASSIGNED = ""


def connections(session: Session, *, account_id: str | None = None, provider: str | None = None) -> list[Connection]:
    """The connections we know, by account and provider."""
    rows = session.rows("registry/connections", account_id=account_id, only_provider=provider)
    return [Connection.from_row(row) for row in rows]


def syncable(known: Iterable[Connection]) -> list[Connection]:
    """Those that a sync may use: active, of a known account, of a CRM that we have a provider for."""
    return [c for c in known if c.is_active and c.state == "active" and c.account_id and c.provider in PROVIDERS]


def refresh(
    session: Session, found: Iterable[NangoConnection], gone: Collection[UUID], *, now: datetime
) -> list[Connection]:
    """Bring the registry in line with Nango's list. `gone` are connections that Nango says it does not know any more.

    They are disconnected here, their leads stay. A connection that is merely missing in the list is left alone, and so
    is one that a person keeps out.
    """
    listed = [connection for connection in found if provider_named(connection.nango_provider) is not None]
    with session.transaction():  # first, so that a new connection to the same CRM takes the row over
        for known in connections(session):
            if known.id in gone and known.is_active:
                disconnect(session, known, now=now)
    for connection in listed:
        release(session, connection, now=now)
    kept_out = _kept_out(session)
    listed = [one for one in listed if _place(one) not in kept_out]
    with session.transaction():
        for connection in listed:
            save(session, connection, now=now)
    return connections(session)


def disconnect(session: Session, known: Connection, *, keep_out: bool = False, now: datetime) -> None:
    """It is not used any more; `keep_out`: also while Nango goes on to list it, until somebody connects it again."""
    session.run("registry/disconnect", account_id=known.account_id, id=str(known.id), keep_out=keep_out, now=now)


def is_kept_out(session: Session, found: NangoConnection) -> bool:
    """Whether a person let go of it and kept it at Nango."""
    return _place(found) in _kept_out(session)


def _kept_out(session: Session) -> set[tuple[str, ...]]:
    return {tuple(row.values()) for row in session.rows("registry/kept_out")}


def let_in(session: Session, found: NangoConnection) -> None:
    """Somebody connects it, so that it is kept out no longer."""
    account_id, nango_integration, nango_connection_id = _place(found)
    session.run(
        "registry/let_in",
        account_id=account_id,
        nango_integration=nango_integration,
        nango_connection_id=nango_connection_id,
    )


def _place(found: NangoConnection) -> tuple[str, str, str]:
    return found.account_id or UNASSIGNED, found.nango_integration, found.nango_connection_id


def missing(known: Iterable[Connection], found: Iterable[NangoConnection]) -> list[Connection]:
    """Active connections of ours that Nango's list does not show."""
    keys = {one.key for one in found}
    return [c for c in known if c.is_active and (c.nango_integration, c.nango_connection_id) not in keys]


def unknown(known: Iterable[Connection], found: Iterable[NangoConnection]) -> list[NangoConnection]:
    """Connections to a CRM of ours that Nango's list shows and the registry does not hold."""
    keys = {(one.nango_integration, one.nango_connection_id) for one in known}
    return [one for one in found if provider_named(one.nango_provider) is not None and one.key not in keys]


def release(session: Session, found: NangoConnection, *, now: datetime) -> None:
    """Take a connection away from the account it no longer names at Nango; that account's leads stay with it.

    In a transaction of its own: DuckDB checks a unique index before the rows that a transaction moved out of the way.
    """
    keys = {"nango_integration": found.nango_integration, "nango_connection_id": found.nango_connection_id}
    with session.transaction():
        session.run("registry/release_connection", **keys, account_id=found.account_id or UNASSIGNED, now=now)


def save(session: Session, found: NangoConnection, *, now: datetime) -> Connection:
    """Write one connection as Nango tells it. The row keeps its id, also when an account connects the same CRM anew."""
    account_id = found.account_id or UNASSIGNED
    provider = provider_named(found.nango_provider)
    if provider is None:
        raise NangoError(
            "connection_misconfigured",
            f"Nango's integration {found.nango_integration!r} is for {found.nango_provider!r}, none of our CRMs.",
        )
    candidates = session.rows(
        "registry/same_connection",
        account_id=account_id,
        provider=provider.name,
        nango_integration=found.nango_integration,
        nango_connection_id=found.nango_connection_id,
    )
    known = next((row for row in candidates if _may_become(row, found, provider)), None)
    derived = derived_connection_id(account_id, found.nango_integration, found.nango_connection_id)
    row_id = UUID(str(known["id"])) if known else derived
    session.run(
        "registry/save_connection",
        account_id=account_id,
        id=str(row_id),
        provider=provider.name,
        nango_integration=found.nango_integration,
        nango_connection_id=found.nango_connection_id,
        connection_metadata=_metadata(known["connection_metadata"] if known else None, found, provider),
        rank=rank_of(found.metadata.get(METADATA_KEY)),
        state=_state(found),
        now=now,
    )
    return next(c for c in connections(session, account_id=account_id) if c.id == row_id)


def refuse_synced(session: Session, known: Connection, *, since: datetime) -> None:
    """Refuse a connection that another sync has brought up to date since then."""
    for now in connections(session, account_id=known.account_id, provider=known.provider):
        if now.id == known.id and now.last_synced_at is not None and now.last_synced_at >= since:
            told = f"{known.label} was synced at {now.last_synced_at:%H:%M:%S}, so it is not synced again."
            raise ConnectionBusy("warehouse_locked", told)


def refuse_other_crm(known: Connection, found: NangoConnection) -> None:
    """Refuse a connection that leads to another CRM account than before.

    Its contacts would take the places of the old ones, and a complete pass would delete those.
    """
    key = PROVIDERS[known.provider].identity
    if key is None:
        return
    theirs, ours = found.connection_config.get(key), known.config.get(key)
    if theirs is None or ours is None or str(theirs) == str(ours):
        return
    raise NangoError(
        "connection_misconfigured",
        f"{known.label}: the connection at Nango leads to another CRM account ({key} {theirs}) than before ({ours}).",
        action="Connect the other CRM account as a connection of its own. Nothing was changed.",
    )


def _may_become(row: Row, found: NangoConnection, provider: Provider) -> bool:
    """Whether a row is this connection, or was the same CRM account's before it was connected anew."""
    own = (row["nango_integration"], row["nango_connection_id"])
    if own == (found.nango_integration, found.nango_connection_id):
        return True
    key = provider.identity
    if key is None:
        return False
    theirs = found.connection_config.get(key)
    ours = _settings(row["connection_metadata"]).get("connection_config", {}).get(key)
    return theirs is not None and str(theirs) == str(ours)


def _state(found: NangoConnection) -> str:
    if found.account_id is None:
        return "unassigned"
    return "needs_reconnect" if "auth" in found.errors else "active"


def _metadata(known: object, found: NangoConnection, provider: Provider) -> str:
    """The connection's settings as they are at Nango, and which CRM account it leads to; nothing else is stored."""
    settings = found.metadata.get(METADATA_KEY)
    kept = dict(settings) if isinstance(settings, dict) else {}
    keys = {*provider.config_keys, *((provider.identity,) if provider.identity else ())}
    config = {key: found.connection_config[key] for key in keys if key in found.connection_config}
    kept["connection_config"] = _settings(known).get("connection_config") or config
    return orjson.dumps(kept, option=orjson.OPT_SORT_KEYS).decode()


def _settings(metadata: object) -> dict[str, Any]:
    parsed = orjson.loads(metadata) if isinstance(metadata, str) else metadata
    return dict(parsed) if isinstance(parsed, dict) else {}
