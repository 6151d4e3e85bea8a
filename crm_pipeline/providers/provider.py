"""What a CRM has to tell the pipeline: a `Provider` value, and the records that flow between it and the walk.

A provider file fetches pages, turns one payload into a `Contact`, and reads the CRM's own refusals. It judges nothing:
phones are kept as they are, whatever their label, and rejection is decided in `domain/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

from crm_pipeline.domain.contact import Contact
from crm_pipeline.nango.answers import Answer, ReadRefusal
from crm_pipeline.nango.limits import Budget, Rate

Payload = dict[str, Any]
Value = TypeVar("Value")


class RawRecord(NamedTuple):
    """One version of one record, as the CRM sent it."""

    crm_id: object
    """Whatever the CRM put there; landing sets a record aside when this is not a usable key."""
    payload: Payload
    object_type: str = "contact"
    source_updated_at: datetime | None = None
    is_deleted: bool = False


class Reference(NamedTuple):
    """A name behind an id or a coded value: an owner, a company, or the label of a status or stage."""

    kind: str
    """`owner`, `company`, `status` or `stage`."""
    crm_id: str
    label: str | None
    email: str | None = None


class Proven(NamedTuple):
    """A complete pass has shown every live record of one object type, so whoever it did not show is gone.

    `expected` is the CRM's own count of them, where it gives one: fewer distinct records than that prove nothing.
    """

    object_type: str
    expected: int | None = None


class Page(NamedTuple):
    """Records in the order the CRM gave them, and where a later run of the same pass may continue after them."""

    records: list[RawRecord]
    resume: str
    references: tuple[Reference, ...] = ()
    """Names behind ids that these records brought up, where the CRM can only be asked for them one by one."""
    proven: tuple[Proven, ...] = ()
    notes: tuple[str, ...] = ()
    """What could not be read although the pass goes on, in words for a person."""
    unread: tuple[str, ...] = ()
    """Object types that this pass may not read at all; once they can be read again, everything of them is due."""


NOTHING: dict[str | None, Reference] = {}
NO_MAPPING: Mapping[str, str] = {}


@dataclass(slots=True)
class Directory:
    """The references of one pass, and what could not be read, in words."""

    references: list[Reference] = field(default_factory=list)
    """Lists read whole in every pass: owners, labels. They land only when one of them differs from last time."""
    changed: Iterable[Reference] = ()
    """Those read by time of change, like companies; consumed once, as they come."""
    notes: list[str] = field(default_factory=list)


class References:
    """What is known of a connection beside its records: the names behind ids, and its field mapping."""

    def __init__(self, references: Iterable[Reference] = (), mapping: Mapping[str, str] = NO_MAPPING) -> None:
        self.mapping = mapping
        """Our field (`status`, `stage`, `description`, `company` ...) to the CRM's own field; empty for the usual."""
        self._by_kind: dict[str, dict[str | None, Reference]] = {}
        for reference in references:
            self._by_kind.setdefault(reference.kind, {})[reference.crm_id] = reference

    def label(self, kind: str, crm_id: str | None) -> str | None:
        """The name behind an id, or None when the CRM never told us one."""
        found = self._by_kind.get(kind, NOTHING).get(crm_id)
        return found.label if found is not None else None

    def email(self, kind: str, crm_id: str | None) -> str | None:
        """The e-mail address behind an id, where the CRM gives one."""
        found = self._by_kind.get(kind, NOTHING).get(crm_id)
        return found.email if found is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """What one pass has to fetch."""

    kind: str
    """`complete` (everything there is) or `window` (everything changed at or after `since`)."""
    started_at: datetime
    """When the pass began, by our clock; the same after an interruption."""
    since: datetime | None = None
    resume: str | None = None
    """The `resume` of the last page an interrupted run of this same pass has landed."""
    references_since: datetime | None = None
    """References that the CRM can list by time of change are held up to here; None: read them all."""
    known_archived: Mapping[str, datetime | None] = field(default_factory=dict)
    """Ids we hold as archived, with the CRM's time of their last change.

    A sweep skips them, and notices the ones that left the archive.
    """
    known_owners: frozenset[str] = frozenset()
    """Ids of the owners that the contacts we hold name."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """The connection's field mapping; see `References.mapping`."""


class CrmApi(Protocol):
    """The calls of one connection through Nango's proxy; `nango.client.Proxy` is one."""

    @property
    def requests(self) -> int: ...

    @property
    def config(self) -> Mapping[str, Any]:
        """Nango's connection_config: `locationId`, `instance_url` ..."""
        ...

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        """What `make` gave at the first call with this key in this run: a description needed in several places."""
        ...

    def note_budget(self, budget: Budget) -> None:
        """What a body said of the day's calls; once 80 % are used, the next call raises `daily_limit`."""
        ...

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        bucket: str = "default",
        shape: tuple[str, ...] = (),
        nothing: tuple[int, ...] = (),
    ) -> Answer:
        """`shape` are the keys the JSON object must have; `nothing` the statuses that mean "no rows" (204, 304)."""
        ...

    def post(
        self,
        path: str,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
        bucket: str = "default",
        shape: tuple[str, ...] = (),
        nothing: tuple[int, ...] = (),
    ) -> Answer:
        """`shape` are the keys the JSON object must have; `nothing` the statuses that mean "no rows" (204, 304)."""
        ...


class ToContact(Protocol):
    """A payload, what is known beside it, and its object type, to a contact."""

    def __call__(self, payload: Payload, references: References, object_type: str = "contact") -> Contact: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Everything the pipeline knows of one CRM."""

    name: str
    title: str
    """How people write it."""
    integration: str
    """Nango's provider name, which is also the usual integration key."""
    also_named: tuple[str, ...] = ()
    """Nango's other names for the same CRM."""
    identity: str | None
    """Key of Nango's connection_config that names the CRM account; another value there is another CRM account."""
    config_keys: tuple[str, ...] = ()
    """Further keys of it to keep, for links into the CRM."""
    rates: Mapping[str, Rate]
    """Calls per second by bucket, below the CRM's own limits."""
    fetch_contacts: Callable[[CrmApi, Pull], Iterator[Page]]
    fetch_references: Callable[[CrmApi, Pull], Directory]
    to_contact: ToContact
    read_refusal: ReadRefusal
    record_url: Callable[[Mapping[str, Any], str, str], str | None]
    """Link to a record in the CRM, from the connection's config, object type and id."""
    deletions: Literal["feed", "sweep"]
    """How a deleted contact is noticed: in every pass, or only by its absence from a complete one."""
    read_budget: Callable[[Mapping[str, str]], Budget | None] = lambda headers: None
    """The day's calls as an answer's headers tell them, names in lower case."""
    check_config: Callable[[Mapping[str, Any]], None] = lambda config: None
    """Raises `connection_misconfigured` for a connection_config that cannot work, with advice."""

    @property
    def complete_every(self) -> timedelta:
        """How often a pass has to be complete."""
        return timedelta(days=7) if self.deletions == "feed" else timedelta(days=1)
