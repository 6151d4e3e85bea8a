"""What a made-up CRM has to offer to stand behind the sandbox's Nango; the CRMs there are stand in `__init__.py`."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from crm_pipeline.sandbox.exchange import Clock, Reply, Request
from crm_pipeline.sandbox.fault_answers import Answer


class BadControl(Exception):
    """A control request that makes no sense."""


class NoSuchRecord(Exception):
    """No record has this id, or it is not in the state the change needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What a contact says, in words that all CRMs share and with labels instead of codes: the truth to compare with."""

    object_type: str
    first: str | None = None
    last: str | None = None
    phones: tuple[str, ...] = ()
    """Every number, in the order a good mapper keeps them: those called mobile are not moved."""
    emails: tuple[str, ...] = ()
    company: str | None = None
    country: str | None = None
    owner: str | None = None
    owner_email: str | None = None
    status: str | None = None
    stage: str | None = None
    note: str | None = None
    human: int = 0
    """Equal for records of one human being."""


class Users(Protocol):
    """What people do in a CRM, in words that all CRMs share; the conformance tests work through it.

    The fields of `add` and `edit` are `first last phone mobile email company country note`, texts or None.
    Every id is that of a contact, whatever its object type.
    """

    object_types: tuple[str, ...]
    """Ours: `contact`, or `lead` and `contact`."""

    def add(self, *, object_type: str | None = None, **fields: str | None) -> str:
        """A new contact with an owner, and where the CRM has them a status and a stage; answers its id."""
        ...

    def edit(self, crm_id: str, *, touch: bool = True, **fields: str | None) -> None:
        """Without `touch` the time of change stays."""
        ...

    def delete(self, crm_id: str) -> None: ...

    def restore(self, crm_id: str) -> None: ...

    def purge(self, crm_id: str) -> None:
        """Gone for good, from the recycle bin too."""
        ...

    def merge(self, kept: str, lost: str) -> str:
        """Answers the survivor's id."""
        ...

    def rename_owner(self, crm_id: str, name: str, email: str) -> None:
        """Another name for the owner of this contact; the contact itself stays untouched."""
        ...

    def rename_company(self, crm_id: str, name: str) -> None:
        """Another name for the company this contact is linked to; the contact itself stays untouched."""
        ...

    def stamp_all(self, milliseconds: int) -> None:
        """Every live contact gets one time of change."""
        ...

    def add_custom_fields(self, count: int) -> None:
        """So many more custom fields, each filled in every contact."""
        ...

    def set_lag(self, seconds: float) -> None:
        """How long lists do not see a change."""
        ...

    def cards(self) -> dict[str, Card]:
        """Every live contact by id, as it should arrive."""
        ...


class Crm(Protocol):
    """One account's CRM. `limits` switches its own rate limits on."""

    limits: bool

    def answer(self, request: Request) -> Reply:
        """One request that Nango sends, the token already checked."""
        ...

    def act(self, action: str, body: Mapping[str, Any]) -> object:
        """A change as its users make it: create, edit, archive, restore, merge, purge, set."""
        ...

    def oracle(self) -> list[dict[str, Any]]:
        """Every live contact with everything it holds, and `human`: equal for records of one human being."""
        ...

    @property
    def users(self) -> Users:
        """The same changes in words that all CRMs share."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """How a CRM answers a list of contacts: what a test needs to disturb it at the right place."""

    pages: str
    """Regular expression for the path of a call that answers a page of contacts, as the CRM gets it."""
    list_key: str
    """Key of the list in a page."""
    page_limit: int
    """Records on the largest page of a complete pass."""
    faults: Mapping[str, Answer]
    """The CRM's own words for: rate_limited, daily_limit (where it has one), missing_scope, forbidden, invalid_token,
    server_error."""
    short_pages: str | None = None
    """The `set` action's name for "no page is longer than this", where the CRM may answer fewer than asked."""
    counts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Where the CRM counts its contacts: path of the call to the patch that makes the count 5,000 too high."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmKind:
    """A CRM the sandbox can play, and `open(account, seed, contacts, clock)`, which fills one."""

    provider: str
    """Our name of it."""
    integration: str
    """Nango's."""
    open: Callable[[str, int, int, Clock], Crm]
    connection_config: Callable[[str, int], Mapping[str, Any]]
    refuse_token: Callable[[bool], Reply]
    """The CRM's answer to a token that has expired (True), or that it does not know."""
    habits: Habits
    base_path: str = ""
    """What Nango puts before every path."""


class Meter:
    """So many calls in a sliding window."""

    def __init__(self, calls: int, seconds: float, clock: Clock) -> None:
        self.calls, self.seconds = calls, seconds
        self._clock = clock
        self._seen: deque[float] = deque()

    def take(self) -> bool:
        """Whether one more call is allowed; counts it if so."""
        now = self._clock()
        while self._seen and self._seen[0] <= now - self.seconds:
            self._seen.popleft()
        if len(self._seen) >= self.calls:
            return False
        self._seen.append(now)
        return True

    @property
    def left(self) -> int:
        """Calls still allowed at this moment."""
        return max(0, self.calls - len(self._seen))
