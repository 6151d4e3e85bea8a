"""The registry of connections: what Nango knows, merged into `crm_connections`. No token ever comes near it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

import orjson

from crm_pipeline.errors import NangoError
from crm_pipeline.nango.connections import NangoConnection
from crm_pipeline.walk.connection import Connection, derived_connection_id
from crm_pipeline.warehouse.session import Session

METADATA_KEY = "crm_pipeline"
UNASSIGNED = ""


def connections(session: Session, *, account_id: str | None = None, provider: str | None = None) -> list[Connection]:
    """The connections we know, by account and provider."""
    rows = session.rows("registry/connections", account_id=account_id, only_provider=provider)
    return [Connection.from_row(row) for row in rows]


def refresh(session: Session, found: Iterable[NangoConnection], *, now: datetime) -> list[Connection]:
    """Bring the registry in line with Nango's list.

    A connection that is gone there is disconnected here, its leads stay.
    """
    listed = [connection for connection in found if connection.provider is not None]
    with session.transaction():
        for connection in listed:
            save(session, connection, now=now)
        keys = {(c.nango_integration, c.nango_connection_id) for c in listed}
        for known in connections(session):
            if known.is_active and (known.nango_integration, known.nango_connection_id) not in keys:
                session.run("registry/disconnect", account_id=known.account_id, id=str(known.id), now=now)
    return connections(session)


def save(session: Session, found: NangoConnection, *, now: datetime) -> Connection:
    """Write one connection as Nango tells it. The row keeps its id, also when an account connects the same CRM anew."""
    account_id = found.account_id or UNASSIGNED
    if found.provider is None:
        raise NangoError(
            "connection_misconfigured",
            f"Nango's integration {found.nango_integration!r} is for {found.nango_provider!r}, none of our CRMs.",
        )
    known = session.rows(
        "registry/same_connection",
        account_id=account_id,
        provider=found.provider,
        nango_integration=found.nango_integration,
        nango_connection_id=found.nango_connection_id,
    )
    row_id = (
        UUID(str(known[0]["id"]))
        if known
        else derived_connection_id(found.nango_integration, found.nango_connection_id)
    )
    metadata = _merged_metadata(known[0]["connection_metadata"] if known else None, found)
    session.run(
        "registry/save_connection",
        account_id=account_id,
        id=str(row_id),
        provider=found.provider,
        nango_integration=found.nango_integration,
        nango_connection_id=found.nango_connection_id,
        connection_metadata=metadata,
        state=_state(found),
        now=now,
    )
    return next(c for c in connections(session, account_id=account_id) if c.id == row_id)


def _state(found: NangoConnection) -> str:
    if found.account_id is None:
        return "unassigned"
    return "needs_reconnect" if "auth" in found.errors else "active"


def _merged_metadata(known: object, found: NangoConnection) -> str:
    """Ours below, Nango's `metadata.crm_pipeline` over it, and what Nango stored about the CRM account."""
    ours = orjson.loads(known) if isinstance(known, str) else dict(known or {})  # type: ignore[call-overload]
    settings = found.metadata.get(METADATA_KEY)
    merged = ours | (dict(settings) if isinstance(settings, dict) else {})
    if found.connection_config:
        merged["connection_config"] = {
            key: value for key, value in found.connection_config.items() if isinstance(value, (str, int, float, bool))
        }
    return orjson.dumps(merged, option=orjson.OPT_SORT_KEYS).decode()
