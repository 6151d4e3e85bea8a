"""What one HubSpot portal holds, and how people change it. No HTTP here; `api.py` answers requests from it."""

from __future__ import annotations

import threading
from bisect import bisect_left, insort
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from crm_pipeline.sandbox.crm import NoSuchRecord
from crm_pipeline.sandbox.exchange import Clock, iso_ms
from crm_pipeline.sandbox.hubspot.index import SearchIndex
from crm_pipeline.sandbox.hubspot.records import (
    COMPANY_TYPES,
    FIRST_COMPANY,
    FIRST_CONTACT,
    OPTIONS,
    TYPES,
    Owner,
    Properties,
    Record,
)


class HubSpotPortal:
    """The contacts of one account, their owners and companies, and every way they change; methods are what its users
    do. Thread safe.

    `merge_makes_new_id` is HubSpot's way since January 2025; False is the older one, which kept the primary's id.
    """

    def __init__(self, account: str, portal_id: int, owners: Sequence[Owner], *, clock: Clock) -> None:
        self.account = account
        self.portal_id = portal_id
        self.owners = list(owners)
        self.lock = threading.RLock()
        self.merge_makes_new_id = True
        self.types = dict(TYPES)
        self.options: dict[str, tuple[tuple[str, str], ...]] = dict(OPTIONS)
        """Value and label of what an enumeration can be."""
        self.custom: dict[str, str] = {}
        self.companies: dict[int, Record] = {}
        self.live: dict[int, Record] = {}
        self.archived: dict[int, Record] = {}
        self.merged_into: dict[int, int] = {}
        self.index = SearchIndex(self.live, self.types, "lastmodifieddate", clock=clock)
        self.company_index = SearchIndex(self.companies, COMPANY_TYPES, "hs_lastmodifieddate", clock=clock)
        self._clock = clock
        self._live_ids: list[int] = []
        self._archived_ids: list[int] = []
        self._live_emails: dict[str, int] = {}
        self._last_id = FIRST_CONTACT

    @property
    def index_lag(self) -> float:
        """Seconds until search sees a change; lists see it at once."""
        return self.index.lag

    @index_lag.setter
    def index_lag(self, seconds: float) -> None:
        self.index.lag = self.company_index.lag = seconds

    # Reading

    def ids(self, *, archived: bool = False) -> list[int]:
        """Ascending; live or in the recycle bin."""
        return self._archived_ids if archived else self._live_ids

    def page(self, after: int, limit: int, *, archived: bool = False) -> tuple[list[Record], int | None]:
        """Records with an id of at least `after`, and where the next page starts."""
        ids, records = (self._archived_ids, self.archived) if archived else (self._live_ids, self.live)
        start = bisect_left(ids, after)
        chosen = ids[start : start + limit]
        more = start + limit < len(ids)
        return [records[number] for number in chosen], (chosen[-1] + 1 if more else None)

    def find(self, contact: int | str, *, archived: bool = False) -> Record | None:
        """A contact by id; a merged-away id leads to the survivor."""
        number = whole(contact)
        if archived:
            return self.archived.get(number)
        while number in self.merged_into:
            number = self.merged_into[number]
        return self.live.get(number)

    def find_email(self, email: str) -> Record | None:
        """The live contact with this primary e-mail."""
        return self.live.get(self._live_emails.get(email.strip().lower(), -1))

    def owner(self, number: int | str) -> Owner | None:
        """An owner by id, also one who left."""
        wanted = whole(number)
        return next((owner for owner in self.owners if owner.id == wanted), None)

    def oracle(self) -> list[dict[str, Any]]:
        """Every live contact with all its filled properties, and `human`: equal for records of one human being."""
        with self.lock:
            records = [self.live[number] for number in self._live_ids]
            return [record.as_object(record.properties) | {"human": record.human} for record in records]

    # Changing

    def create(self, properties: Mapping[str, str | None], *, human: int = 0) -> str:
        """A new contact; answers its id."""
        with self.lock:
            number, now = self._last_id + 51, self._now_ms()
            filled = {name: str(value) for name, value in properties.items() if value not in (None, "")}
            filled |= {"hs_object_id": str(number), "createdate": iso_ms(now), "hs_is_contact": "true"}
            self.put(Record(number, filled | {"lastmodifieddate": iso_ms(now)}, now, human))
            return str(number)

    def edit(self, contact: int | str, properties: Mapping[str, str | None], *, touch: bool = True) -> None:
        """Change properties; None or "" clears one. Without `touch` the modified date stays, as for calculated ones."""
        with self.lock:
            record = self._live(contact)
            filled = {**record.properties, **{name: str(value or "") for name, value in properties.items()}}
            now = self._now_ms() if touch else record.updated_ms
            self._replace(record, {name: value for name, value in filled.items() if value}, now)

    def archive(self, contact: int | str) -> None:
        """Delete as users do: into the recycle bin."""
        with self.lock:
            record = self._live(contact)
            self._remove_live(record)
            self.put_archived(Record(record.id, record.properties, record.updated_ms, record.human, self._now_ms()))

    def restore(self, contact: int | str, *, touch: bool = False) -> None:
        """Back from the recycle bin; the modified date need not move."""
        with self.lock:
            record = self._archived(contact)
            self._remove_archived(record)
            now = self._now_ms() if touch else record.updated_ms
            stamped = record.properties | ({"lastmodifieddate": iso_ms(now)} if touch else {})
            self.put(Record(record.id, stamped, now, record.human))

    def purge(self, contact: int | str) -> None:
        """Gone from both lists: a privacy deletion, or 90 days in the recycle bin."""
        with self.lock:
            if whole(contact) in self.archived:
                self._remove_archived(self._archived(contact))
            else:
                self._remove_live(self._live(contact))

    def merge(self, primary: int | str, other: int | str) -> str:
        """Two contacts become one; answers the survivor's id. Empty fields of the primary are filled from the other."""
        with self.lock:
            kept, lost = self._live(primary), self._live(other)
            if kept.id == lost.id:
                raise NoSuchRecord("a contact cannot be merged with itself")
            now = self._now_ms()
            number = self._last_id + 51 if self.merge_makes_new_id else kept.id
            gone = [record.id for record in (kept, lost) if record.id != number]
            self._remove_live(kept)
            self._remove_live(lost)
            for old in gone:
                self.merged_into[old] = number
            self.put(Record(number, _merged(kept, lost, number, gone, now), now, kept.human))
            return str(number)

    def stamp_all(self, moment_ms: int) -> None:
        """One moment of change for every live contact, as a bulk update of HubSpot's own leaves it."""
        with self.lock:
            stamp = {"lastmodifieddate": iso_ms(moment_ms)}
            for record in list(self.live.values()):
                self.put(Record(record.id, record.properties | stamp, moment_ms, record.human))

    def add_property(
        self, name: str, kind: str = "string", label: str | None = None, options: Mapping[str, str] | None = None
    ) -> None:
        """Define a custom property; `options` are the labels of an enumeration by value."""
        with self.lock:
            self.types[name] = kind
            self.custom[name] = label or name
            if options:
                self.options[name] = tuple(options.items())

    def rename_owner(self, number: int | str, first: str, last: str, email: str) -> None:
        """Contacts are not touched by it."""
        with self.lock:
            owner = self.owner(number)
            if owner is None:
                raise NoSuchRecord(f"no owner {number}")
            self.owners[self.owners.index(owner)] = replace(owner, first=first, last=last, email=email)

    def create_company(self, name: str) -> str:
        """A new company; answers its id."""
        with self.lock:
            number, now = max(self.companies, default=FIRST_COMPANY) + 37, self._now_ms()
            filled = {"hs_object_id": str(number), "name": name, "createdate": iso_ms(now)}
            self.put_company(Record(number, filled | {"hs_lastmodifieddate": iso_ms(now)}, now))
            return str(number)

    def rename_company(self, number: int | str, name: str) -> None:
        """Moves the company's own date; contacts are not touched by it, nor is the text in them."""
        with self.lock:
            record = self.companies.get(whole(number))
            if record is None:
                raise NoSuchRecord(f"no company {number}")
            now = self._now_ms()
            changed = record.properties | {"name": name, "hs_lastmodifieddate": iso_ms(now)}
            self.put_company(Record(record.id, changed, now))

    def put_company(self, record: Record) -> None:
        """Add or replace a company as it is, stamping nothing."""
        self.companies[record.id] = record
        self.company_index.put(record)

    def put(self, record: Record) -> None:
        """Add or replace a live contact as it is, stamping nothing."""
        self._last_id = max(self._last_id, record.id)
        if record.id not in self.live:
            insort(self._live_ids, record.id)
        self.live[record.id] = record
        email = record.properties.get("email")
        if email:
            self._live_emails[email.lower()] = record.id
        self.index.put(record)

    def put_archived(self, record: Record) -> None:
        """Add a contact to the recycle bin as it is."""
        self._last_id = max(self._last_id, record.id)
        insort(self._archived_ids, record.id)
        self.archived[record.id] = record

    # Inside

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)

    def _live(self, contact: int | str) -> Record:
        record = self.find(contact)
        if record is None:
            raise NoSuchRecord(f"no live contact {contact}")
        return record

    def _archived(self, contact: int | str) -> Record:
        record = self.archived.get(whole(contact))
        if record is None:
            raise NoSuchRecord(f"no archived contact {contact}")
        return record

    def _replace(self, record: Record, properties: Properties, now: int) -> None:
        self._live_emails.pop(record.properties.get("email", "").lower(), None)
        self.put(Record(record.id, properties | {"lastmodifieddate": iso_ms(now)}, now, record.human))

    def _remove_live(self, record: Record) -> None:
        del self.live[record.id]
        del self._live_ids[bisect_left(self._live_ids, record.id)]
        self._live_emails.pop(record.properties.get("email", "").lower(), None)
        self.index.remove(record.id)

    def _remove_archived(self, record: Record) -> None:
        del self.archived[record.id]
        del self._archived_ids[bisect_left(self._archived_ids, record.id)]


def whole(contact: int | str) -> int:
    """An id as a number; -1, which no contact has, when it is none."""
    text = str(contact)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else -1


def _merged(kept: Record, lost: Record, number: int, gone: list[int], now: int) -> Properties:
    old = [
        part for record in (kept, lost) for part in record.properties.get("hs_merged_object_ids", "").split(";") if part
    ]
    emails = [lost.properties.get("email")] + [r.properties.get("hs_additional_emails") for r in (kept, lost)]
    merged = lost.properties | kept.properties
    merged["hs_merged_object_ids"] = ";".join([*map(str, gone), *old])
    more = ";".join(email for email in emails if email and email != merged.get("email"))
    return (
        merged
        | {"hs_object_id": str(number), "lastmodifieddate": iso_ms(now)}
        | ({"hs_additional_emails": more} if more else {})
    )
