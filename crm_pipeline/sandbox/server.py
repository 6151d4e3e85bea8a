"""The sandbox: a local server that is Nango in front of CRMs.

with Sandbox(contacts=1000) as sandbox:
    os.environ.update(sandbox.environment())
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from crm_pipeline.sandbox import CRMS
from crm_pipeline.sandbox.connections import Connection, ConnectionBook, seeded_uuid
from crm_pipeline.sandbox.control import Control
from crm_pipeline.sandbox.crm import Crm
from crm_pipeline.sandbox.exchange import Clock, Reply, Request
from crm_pipeline.sandbox.fault_answers import Answer
from crm_pipeline.sandbox.faults import FaultScript
from crm_pipeline.sandbox.hubspot.api import HubSpotApi
from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal
from crm_pipeline.sandbox.nango import SCOPES, Nango
from crm_pipeline.sandbox.webhooks import Webhooks
from crm_pipeline.sandbox.wire import Server

CONNECTED_MS = 1_780_272_000_000
"""2026-06-01T00:00:00Z, when the first connection was made; the others a minute later each."""
LONGEST_JOURNAL, LONGEST_KEPT_BODY = 50_000, 16_384
DEFAULT_ACCOUNTS = ("acme", "globex")


@dataclass(frozen=True, slots=True)
class Seen:
    """One request in the journal; `path` as Nango saw it, `fault` the id of the fault that hit it."""

    at: float
    method: str
    path: str
    query: str
    body: str
    account: str | None
    status: int
    fault: int | None
    seconds: float


class Sandbox:
    """Nango in front of one CRM per account. Made at once, filled when first asked; the same for the same seed.

    `contacts` is the number of records per account and CRM, archived ones included; `crms` are those that every account
    has. `clock` gives seconds since 1970.
    `nango_limit` is Nango's calls a minute (200 for a default account), None for none. `hubspot_limits` enforces
    110 calls in 10 s and 4 searches a second per portal. `scopes` are those of the key.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        seed: int = 7,
        contacts: int = 1000,
        accounts: Sequence[str] = DEFAULT_ACCOUNTS,
        crms: Sequence[str] = ("hubspot",),
        secret_key: str | None = None,
        clock: Clock = time.time,
        nango_limit: int | None = None,
        hubspot_limits: bool = False,
        scopes: Iterable[str] = SCOPES,
    ) -> None:
        self.secret_key = secret_key or seeded_uuid(f"{seed}:secret-key")
        self.faults = FaultScript()
        self.journal: deque[Seen] = deque(maxlen=LONGEST_JOURNAL)
        self.limits = hubspot_limits
        self._seed, self._contacts, self._clock = seed, contacts, clock
        self._crms: dict[tuple[str, str], Crm] = {}
        self._known: set[tuple[str, str]] = set()
        self._filling = threading.Lock()
        self._control = Control(self)
        self.book = ConnectionBook(seed, clock)
        self.webhooks = Webhooks()
        self.nango = Nango(
            self.book, secret_key=self.secret_key, clock=clock, faults=self.faults, act=self._control.act,
            scopes=scopes, rate_limit=nango_limit,
        )  # fmt: skip
        pairs = [(account, crm) for account in accounts for crm in crms]
        for place, (account, crm) in enumerate(pairs):
            self.connect(account, crm, created_ms=CONNECTED_MS + place * 60_000)
        self._server = Server(("127.0.0.1", port), self.answer)
        self.nango.api.base_url = self.url
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port it listens on, of 127.0.0.1."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """What to use as `NANGO_HOST`."""
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """The two settings that lead the pipeline here."""
        return {"NANGO_HOST": self.url, "NANGO_SECRET_KEY": self.secret_key}

    def start(self) -> None:
        """Serve from a daemon thread."""
        self._thread = threading.Thread(target=self.serve_forever, name="crm-sandbox", daemon=True)
        self._thread.start()

    def serve_forever(self) -> None:
        """Serve in this thread until `stop` is called from another."""
        self._server.serve_forever(poll_interval=0.01)

    def stop(self) -> None:
        """Stop listening and close every connection."""
        if self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._thread = None
        self._server.close_clients()
        self._server.server_close()

    def portal(self, account: str) -> HubSpotPortal:
        """The account's HubSpot, to look into and to change; filled on first use."""
        crm = self.crm("hubspot", account)
        assert isinstance(crm, HubSpotApi)
        return crm.portal

    def crm(self, provider: str, account: str) -> Crm:
        """The account's CRM; filled on first use, KeyError when it was never connected."""
        key = provider, account
        if key not in self._known:
            raise KeyError(account)
        if key not in self._crms:
            with self._filling:
                if key not in self._crms:
                    crm = CRMS[provider].open(account, self._seed, self._contacts, self._clock)
                    crm.limits = self.limits
                    self._crms[key] = crm
        return self._crms[key]

    def connect(
        self,
        account: str,
        provider: str = "hubspot",
        *,
        tags: Mapping[str, str] | None = None,
        created_ms: int | None = None,
    ) -> Connection:
        """One more connection, of an old or a new account, as after a person consented; tagged with the account."""
        kind = CRMS[provider]
        self._known.add((provider, account))
        return self.book.add(
            account,
            integration=kind.integration,
            provider=kind.integration,
            crm=lambda request: self.crm(provider, account).answer(request),
            refuse_token=kind.refuse_token,
            base_path=kind.base_path,
            config=kind.connection_config(account, self._seed),
            created_ms=created_ms,
            tags=tags,
        )

    def switch_limits(self, on: bool) -> None:
        """The CRMs' own rate limits, for those filled and those to come."""
        self.limits = on
        for crm in list(self._crms.values()):
            crm.limits = on

    def answer(self, request: Request) -> tuple[Reply, Answer | None]:
        """One request, and how its answer is to be mangled on the wire."""
        if request.path == "/sandbox" or request.path.startswith("/sandbox/"):
            return self._control.answer(request), None
        started = time.perf_counter()
        handled = self.nango.answer(request)
        fault, connection = handled.fault, handled.connection
        seen = Seen(
            at=self._clock(),
            method=request.method,
            path=request.path,
            query=request.query,
            body=request.body[:LONGEST_KEPT_BODY].decode(errors="replace"),
            account=connection.account if connection else None,
            status=handled.reply.status,
            fault=fault.id if fault else None,
            seconds=time.perf_counter() - started,
        )
        self.journal.append(seen)
        return handled.reply, fault.answer if fault else None
