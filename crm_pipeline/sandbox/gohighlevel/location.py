"""What one location holds: contacts, users, businesses, pipelines, custom fields; and how people change it. No HTTP."""

from __future__ import annotations

import random
import string
import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from crm_pipeline.sandbox.crm import NoSuchRecord
from crm_pipeline.sandbox.exchange import Clock, iso_ms
from crm_pipeline.sandbox.shelf import Row, Shelf

LETTERS = string.ascii_letters + string.digits
DAILY_CALLS = 200_000
TEXT_KEYS = (
    "firstName", "lastName", "email", "phone", "phoneLabel", "companyName", "businessId", "businessName", "type",
    "source", "assignedTo", "address", "city", "state", "postalCode", "country", "website", "timezone", "validEmail",
    "dateOfBirth",
)  # fmt: skip
"""Keys of a contact that hold a text, or null, or "", or are missing."""
LIST_KEYS = ("tags", "additionalEmails", "additionalPhones", "customFields", "followers")
CHANGEABLE = frozenset({*TEXT_KEYS, *LIST_KEYS, "contactName", "dnd", "opportunities"})


def new_id(rng: random.Random) -> str:
    """Twenty letters and digits, as HighLevel names nearly everything."""
    return "".join(rng.choices(LETTERS, k=20))


@dataclass(slots=True)
class Member:
    """A user that contacts can belong to; one of the agency is found by id but is in no list of the location."""

    id: str
    first: str
    last: str
    email: str
    is_listed: bool = True
    is_deleted: bool = False

    def as_object(self, location_id: str) -> dict[str, Any]:
        return {
            "id": self.id, "name": f"{self.first} {self.last}".strip(), "firstName": self.first, "lastName": self.last,
            "email": self.email, "phone": "", "extension": "", "deleted": self.is_deleted,
            "roles": {"type": "account", "role": "user", "locationIds": [location_id], "restrictSubAccount": False},
        }  # fmt: skip


@dataclass(slots=True)
class Install:
    """How the app stands with the vendor; tests turn these.

    `company_token`: installed from the agency view, so the token opens no location. `users_list_empty`: the list of
    users is, though each can be read. `missing_scopes` were not granted.
    """

    company_token: bool = False
    users_list_empty: bool = False
    missing_scopes: frozenset[str] = frozenset()
    daily_limit: int = DAILY_CALLS
    daily_used: int = 0


@dataclass(slots=True)
class Setup:
    """What the location's owner set up once."""

    members: dict[str, Member] = field(default_factory=dict)
    businesses: dict[str, str] = field(default_factory=dict)
    pipelines: list[dict[str, Any]] = field(default_factory=list)
    fields: list[dict[str, Any]] = field(default_factory=list)
    """Definitions of the contact's custom fields."""


class HighLevelLocation:
    """The contacts of one sub-account. Hold `lock` around several calls that belong together."""

    def __init__(self, location_id: str, setup: Setup, ids: random.Random, *, clock: Clock) -> None:
        self.location_id = location_id
        self.members, self.businesses = setup.members, setup.businesses
        self.pipelines, self.fields = setup.pipelines, setup.fields
        self.install = Install()
        self.lock = threading.RLock()
        self.shelf = Shelf(clock)
        self._ids, self._clock = ids, clock
        self._everywhere: list[dict[str, Any]] = []
        self._humans = 0

    # Reading

    def written(self, row: Row) -> bytes:
        """The contact as a search by `dateUpdated` writes it; kept, since pages are asked for again and again."""
        kept = row.written.get("search")
        if kept is None:
            # Copied, since orjson leaves each result at the head of a much larger block.
            kept = row.written["search"] = bytes(memoryview(orjson.dumps(self.as_object(row))))
        return kept

    def as_object(self, row: Row) -> dict[str, Any]:
        """The contact in a search result. What is not filled is null, missing or "", as in real ones."""
        values = row.values
        first, last = values.get("firstName"), values.get("lastName")
        name = " ".join(filter(None, (first, last))) or values.get("contactName") or ""
        way = ord(row.id[-1]) % 3
        blank: dict[str, Any] = {} if way == 1 else dict.fromkeys(TEXT_KEYS, None if way == 0 else "")
        return blank | {key: [] for key in LIST_KEYS} | values | {
            "id": row.id, "locationId": self.location_id, "contactName": name.lower() or None,
            "firstNameLowerCase": first.lower() if first else None,
            "lastNameLowerCase": last.lower() if last else None,
            "customFields": [*values.get("customFields", ()), *self._everywhere],
            "dnd": values.get("dnd", False), "dndSettings": {}, "inboundDndSettings": {},
            "dateAdded": iso_ms(row.created_ms),
            **({"dateUpdated": iso_ms(row.updated_ms)} if row.updated_ms else {}),
            "searchAfter": [row.updated_ms or None, row.id],
        }  # fmt: skip

    def stage_name(self, stage_id: str) -> str | None:
        """The name of a stage of any pipeline."""
        stages = (stage for pipeline in self.pipelines for stage in pipeline["stages"])
        return next((str(stage["name"]) for stage in stages if stage["id"] == stage_id), None)

    def oracle(self) -> list[dict[str, Any]]:
        """Every live contact with everything it holds, and `human`: equal for records of one human being."""
        with self.lock:
            return [self.as_object(row) | {"human": row.human} for row in self.shelf.live.values()]

    # Changing

    def new_id(self) -> str:
        """An id that nothing has yet."""
        return new_id(self._ids)

    def create(self, values: Mapping[str, Any]) -> str:
        """A new contact; answers its id."""
        with self.lock:
            self._humans -= 1
            now = self._now_ms()
            filled = {name: value for name, value in _checked(values).items() if value not in (None, "")}
            row = Row(self.new_id(), filled, created_ms=now, updated_ms=now, human=self._humans)
            self.shelf.put(row)
            return str(row.id)

    def edit(self, contact: str, values: Mapping[str, Any], *, touch: bool = True) -> None:
        """Change fields; None empties one. Without `touch` the time of change stays, as it may for an opportunity."""
        with self.lock:
            now = self._now_ms() if touch else None
            self.shelf.edit(contact, _checked(values), now_ms=now)

    def delete(self, contact: str) -> None:
        """Into the recycle bin, which the API shows nowhere."""
        with self.lock:
            self.shelf.delete(contact, now_ms=self._now_ms())

    def restore(self, contact: str, *, touch: bool = False) -> None:
        """Back from the recycle bin; the time of change need not move."""
        with self.lock:
            self.shelf.restore(contact, now_ms=self._now_ms() if touch else None)

    def purge(self, contact: str) -> None:
        """Gone for good."""
        with self.lock:
            self.shelf.purge(contact, now_ms=self._now_ms())

    def merge(self, kept: str, lost: str) -> str:
        """The other vanishes and is told of nowhere; what the survivor lacks is filled from it."""
        with self.lock:
            if kept == lost:
                raise NoSuchRecord("a contact cannot be merged with itself")
            winner, loser = self.shelf.get(kept).values, self.shelf.get(lost).values
            merged = loser | {name: value for name, value in winner.items() if value not in (None, "", [])}
            for one, many, key in (("email", "additionalEmails", "email"), ("phone", "additionalPhones", "phone")):
                more = [*winner.get(many, ()), *loser.get(many, ())]
                if loser.get(one) not in (None, "", merged.get(one)):
                    more.append({key: loser[one]})
                merged[many] = more
            self.shelf.delete(lost, now_ms=self._now_ms(), merged_into=kept)
            self.edit(kept, merged)
            return kept

    def rename_business(self, business_id: str, name: str) -> None:
        """Its contacts show the new name, without counting as changed."""
        with self.lock:
            self.businesses[business_id] = name
            for row in list(self.shelf.live.values()):
                if row.values.get("businessId") == business_id:
                    self.shelf.edit(row.id, {"businessName": name}, now_ms=None)

    def stamp_all(self, milliseconds: int) -> None:
        """Every live contact gets one time of change."""
        with self.lock:
            self.shelf.stamp_all(milliseconds)

    def add_custom_fields(self, count: int) -> None:
        """So many more, each filled in every contact."""
        with self.lock:
            for number in range(len(self._everywhere), len(self._everywhere) + count):
                added = custom_field(f"Extra {number}", "TEXT", self.location_id, self.new_id())
                self.fields.append(added)
                self._everywhere.append({"id": added["id"], "value": f"extra value {number}"})
            for shelf in (self.shelf.live, self.shelf.bin):
                for row in shelf.values():
                    row.written.clear()

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def custom_field(name: str, kind: str, location_id: str, field_id: str, options: Iterable[str] = ()) -> dict[str, Any]:
    """The definition of a custom field; `kind` is its dataType."""
    return {
        "id": field_id, "name": name, "model": "contact", "fieldKey": f"contact.{name.lower().replace(' ', '_')}",
        "placeholder": "", "dataType": kind, "position": 50, "documentType": "field", "locationId": location_id,
        "standard": False, **({"picklistOptions": list(options)} if options else {}),
    }  # fmt: skip


def _checked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values of a contact's own fields, lists never null."""
    unknown = sorted(values.keys() - CHANGEABLE)
    if unknown:
        raise ValueError(f"a contact has no field {unknown[0]!r}")
    return {name: [] if value is None and name in LIST_KEYS else value for name, value in values.items()}
