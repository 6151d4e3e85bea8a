"""Nango's connections: which there are, what is wrong with each, and what a refresh of its token does."""

from __future__ import annotations

import hashlib
import random
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from crm_pipeline.sandbox.exchange import Clock, Reply, Request, iso_ms

REFRESH_PAUSE = 30.0
"""Seconds after a failed refresh in which Nango does not try again."""
TOKEN_MS = 1_800_000
TROUBLES = frozenset({"refresh", "exhausted", "expired_token", "uninstalled"})
METADATA: Mapping[str, Any] = {"crm_pipeline": {"requests_per_second": 5000}}
"""On every connection, since the sandbox has no rate limit of its own unless one is switched on."""


@dataclass(slots=True, eq=False)
class Connection:
    """One customer's connection. `crm` answers its requests; `trouble` is what is wrong with it, one of `TROUBLES`.

    refresh: Nango cannot get a new token. exhausted: it failed on four days, Nango has given up.
    expired_token: the CRM refuses the token until it is renewed. uninstalled: the CRM refuses the token and a renewal.
    """

    id: int
    connection_id: str
    integration: str
    provider: str
    account: str
    crm: Callable[[Request], Reply]
    refuse_token: Callable[[bool], Reply]
    base_path: str
    created_ms: int
    tags: dict[str, str]
    metadata: dict[str, Any]
    config: dict[str, Any]
    token: str
    trouble: str | None = None
    errors: list[dict[str, str]] = field(default_factory=list)
    failed_at: float | None = None
    fetched_ms: int = 0

    def row(self) -> dict[str, Any]:
        """As the list shows it, without the moment it was made."""
        return {
            "id": self.id, "connection_id": self.connection_id, "provider_config_key": self.integration,
            "provider": self.provider, "errors": self.errors, "end_user": None, "tags": self.tags,
            "metadata": self.metadata,
        }  # fmt: skip

    def full(self) -> dict[str, Any]:
        """As reading it alone shows it, without credentials."""
        created = offset_time(self.created_ms)
        return self.row() | {
            "connection_config": self.config, "webhook_url_override": None, "created_at": created,
            "updated_at": created, "last_fetched_at": offset_time(self.fetched_ms or self.created_ms),
        }  # fmt: skip

    def credentials(self, now: float) -> dict[str, Any]:
        """With the token in clear, as only a key with the scope for it sees them."""
        expires = iso_ms(int(now * 1000) + TOKEN_MS)
        return {"type": "OAUTH2", "access_token": self.token, "expires_at": expires, "raw": {}}


class ConnectionBook:
    """The connections of one Nango environment; thread safe."""

    def __init__(self, seed: int, clock: Clock) -> None:
        self.lock = threading.RLock()
        self.integrations: dict[str, str] = {}
        self._seed, self._clock = seed, clock
        self._found: dict[tuple[str, str], Connection] = {}
        self._made = 0
        self._renewals = 0

    def all(self) -> list[Connection]:
        """Oldest first."""
        with self.lock:
            return list(self._found.values())

    def get(self, integration: str, connection_id: str) -> Connection | None:
        """One connection; the same id may exist under two integrations."""
        return self._found.get((integration, connection_id))

    def of_account(self, account: str) -> list[Connection]:
        """The account's connections, oldest first."""
        return [connection for connection in self.all() if connection.account == account]

    def add(
        self,
        account: str,
        *,
        integration: str,
        provider: str,
        crm: Callable[[Request], Reply],
        refuse_token: Callable[[bool], Reply],
        base_path: str = "",
        config: Mapping[str, Any],
        created_ms: int | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Connection:
        """A new connection; its id depends on seed, account, integration and how many the account had there before."""
        with self.lock:
            self.integrations[integration] = provider
            self._made += 1
            earlier = sum(one.integration == integration for one in self.of_account(account))
            connection_id = seeded_uuid(f"{self._seed}:{account}:{integration}:{earlier}")
            while (integration, connection_id) in self._found:
                connection_id = seeded_uuid(connection_id)
            connection = Connection(
                id=self._made, connection_id=connection_id, integration=integration, provider=provider, account=account,
                crm=crm, refuse_token=refuse_token, base_path=base_path,
                created_ms=int(self._clock() * 1000) if created_ms is None else created_ms,
                tags=dict({"account_id": account} if tags is None else tags), metadata=dict(METADATA),
                config=dict(config), token=_token(connection_id, 0),
            )  # fmt: skip
            self._found[integration, connection_id] = connection
            return connection

    def remove(self, integration: str, connection_id: str) -> bool:
        """False when there is none."""
        with self.lock:
            return self._found.pop((integration, connection_id), None) is not None

    def break_connection(self, connection: Connection, trouble: str) -> None:
        """Make a connection fail in one of the ways of `TROUBLES`. Nango knows at once of those that are its own."""
        if trouble not in TROUBLES:
            raise ValueError(f"no trouble is called {trouble!r}; there are {', '.join(sorted(TROUBLES))}")
        with self.lock:
            connection.trouble, connection.failed_at = trouble, None
            if trouble in ("refresh", "exhausted"):
                _note_error(connection)

    def heal(self, connection: Connection) -> None:
        """As after a reconnect: a new token, no errors."""
        with self.lock:
            self._renewals += 1
            connection.trouble, connection.failed_at, connection.errors = None, None, []
            connection.token = _token(connection.connection_id, self._renewals)

    def refresh(self, connection: Connection, *, force: bool) -> int:
        """0 when the token is good or was renewed, else the status of Nango's refusal: 400 failed now, 424 not tried.

        `force` passes both guards: the pause after a failure, and the mark of an exhausted connection.
        """
        with self.lock:
            now, trouble = self._clock(), connection.trouble
            if trouble == "expired_token" and force:
                self.heal(connection)
                return 0
            if trouble is None or (trouble in ("expired_token", "uninstalled") and not force):
                return 0
            pausing = connection.failed_at is not None and now - connection.failed_at < REFRESH_PAUSE
            if not force and (trouble == "exhausted" or pausing):
                return 424
            connection.failed_at = now
            _note_error(connection)
            return 400


def seeded_uuid(text: str) -> str:
    """A UUID of version 4 that is always the same for a text."""
    return str(uuid.UUID(bytes=hashlib.sha256(text.encode()).digest()[:16], version=4))


def offset_time(milliseconds: int) -> str:
    """Nango's way: `2026-01-02T03:04:05.678+00:00`."""
    return iso_ms(milliseconds).replace("Z", "+00:00")


def _note_error(connection: Connection) -> None:
    if not connection.errors:
        connection.errors = [{"type": "auth", "log_id": seeded_uuid(f"log:{connection.token}")}]


def _token(connection_id: str, salt: int) -> str:
    return "sandbox-" + random.Random(f"{connection_id}:{salt}").randbytes(18).hex()
