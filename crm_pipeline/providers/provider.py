"""What a CRM has to tell the pipeline: a `Provider` value, and the records that flow between it and the walk.

A provider file fetches pages, turns one payload into a `Contact`, and reads the CRM's own refusals. It judges nothing:
phones are kept as they are, whatever their label, and rejection is decided in `domain/`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from crm_pipeline.domain.contact import Contact
from crm_pipeline.nango.answers import Answer, ReadRefusal
from crm_pipeline.nango.limits import Rate

Payload = dict[str, Any]


class RawRecord(NamedTuple):
    """One version of one record, as the CRM sent it."""

    crm_id: object
    """Whatever the CRM put there; landing sets a record aside when this is not a usable key."""
    payload: Payload
    object_type: str = "contact"
    source_updated_at: datetime | None = None
    is_deleted: bool = False


class Reference(NamedTuple):
    """A name behind an id or a coded value: an owner, or the label of a status or stage."""

    kind: str
    crm_id: str
    label: str | None
    email: str | None = None


class Page(NamedTuple):
    """Records in the order the CRM gave them, and where a later run may continue after them."""

    records: list[RawRecord]
    resume: str


NOTHING: dict[str | None, Reference] = {}


@dataclass(slots=True)
class Directory:
    """All references of one pass, and what could not be read, in words."""

    references: list[Reference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


class References:
    """The references of one connection, by kind and id."""

    def __init__(self, references: Iterable[Reference] = ()) -> None:
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
    since: datetime | None = None
    resume: str | None = None
    """The `resume` of the last page an interrupted run of this same pass has landed."""
    known_archived: Mapping[str, datetime | None] = field(default_factory=dict)
    """Ids we hold as archived, with the CRM's time of their last change.

    A sweep skips them, and notices the ones that left the archive.
    """


class CrmApi(Protocol):
    """The calls of one connection through Nango's proxy; `nango.client.Proxy` is one."""

    @property
    def requests(self) -> int: ...

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        bucket: str = "default",
        shape: tuple[str, ...] = (),
    ) -> Answer: ...

    def post(
        self,
        path: str,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
        bucket: str = "default",
        shape: tuple[str, ...] = (),
    ) -> Answer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """Everything the pipeline knows of one CRM."""

    name: str
    title: str
    """How people write it."""
    integration: str
    """Nango's provider name, which is also the usual integration key."""
    identity: str
    """Key of Nango's connection_config that names the CRM account; another value there is another CRM account."""
    rates: Mapping[str, Rate]
    """Calls per second by bucket, below the CRM's own limits."""
    fetch_contacts: Callable[[CrmApi, Pull], Iterator[Page]]
    fetch_references: Callable[[CrmApi], Directory]
    to_contact: Callable[[Payload, References], Contact]
    read_refusal: ReadRefusal
    record_url: Callable[[Mapping[str, Any], str, str], str | None]
    """Link to a record in the CRM, from the connection's config, object type and id."""
