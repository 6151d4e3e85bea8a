"""Connections as Nango lists them, and which account each belongs to.

Only reading of Nango's JSON; asking for it is `client.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from crm_pipeline.errors import NangoError
from crm_pipeline.nango.bodies import safe_text


@dataclass(frozen=True, slots=True)
class NangoConnection:
    """One connection at Nango. Its key is integration and connection id together: ids repeat across integrations."""

    id: int
    nango_connection_id: str
    nango_integration: str
    nango_provider: str
    account_id: str | None
    """Whose it is; None means unassigned: never synced."""
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False)
    connection_config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Empty in a list; only a single read carries it."""
    errors: tuple[str, ...] = ()
    """`auth` and `sync`, as far as Nango knows; empty is healthy."""
    created_at: datetime | None = None

    @property
    def key(self) -> tuple[str, str]:
        """What names it at Nango."""
        return self.nango_integration, self.nango_connection_id


@dataclass(frozen=True, slots=True)
class ConnectSession:
    """A half-hour invitation to connect a CRM. Whoever has the token or the link can connect for the account."""

    token: str = field(repr=False)
    connect_link: str = field(repr=False)
    expires_at: datetime


def to_connection(row: object) -> NangoConnection:
    """One connection from Nango's JSON; its credentials, if there are any, are left behind."""
    if not isinstance(row, Mapping) or not all(_text(row.get(key)) for key in ("connection_id", "provider_config_key")):
        raise NangoError("unexpected_response", "Nango listed a connection without its id or its integration")
    nango_provider = _text(row.get("provider")) or ""
    number = row.get("id")
    return NangoConnection(
        id=number if isinstance(number, int) else 0,
        nango_connection_id=str(row["connection_id"]),
        nango_integration=str(row["provider_config_key"]),
        nango_provider=nango_provider,
        account_id=account_of(row),
        metadata=_mapping(row.get("metadata")),
        connection_config=_mapping(row.get("connection_config")),
        errors=_errors(row.get("errors")),
        created_at=to_moment(row.get("created_at") or row.get("created")),
    )


def account_of(row: Mapping[str, Any]) -> str | None:
    """The account a connection belongs to: the first of the places below that names one, else None.

    It fails closed: an import that wiped the tags leaves the connection unassigned rather than with a guessed account.
    """
    tags, end_user = _mapping(row.get("tags")), _mapping(row.get("end_user"))
    places = (
        tags.get("account_id"),
        tags.get("organization_id"),
        _mapping(end_user.get("organization")).get("id"),
        end_user.get("id"),
        tags.get("end_user_id"),
    )
    return next((account for place in places if (account := _text(place))), None)


def to_moment(value: object) -> datetime | None:
    """A time of Nango's, always with an offset."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    return str(value).strip() or None


def _errors(value: object) -> tuple[str, ...]:
    if not isinstance(value, list):
        return ()
    kinds = (error.get("type") if isinstance(error, Mapping) else error for error in value)
    return tuple(dict.fromkeys(safe_text(str(kind or "unknown")) for kind in kinds))
