"""What HubSpot keeps about a contact, a company and an owner, and the properties a portal has from the start."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from crm_pipeline.sandbox.exchange import iso_ms

BASE_MS = 1_780_272_000_000
"""2026-06-01T00:00:00Z; every generated moment lies before it."""
DAY_MS = 86_400_000
FIRST_CONTACT, FIRST_COMPANY, FIRST_OWNER = 84_010_000_000, 19_455_000_000, 61_190_000

STAGES = (
    ("subscriber", "Subscriber"), ("lead", "Lead"), ("marketingqualifiedlead", "Marketing Qualified Lead"),
    ("salesqualifiedlead", "Sales Qualified Lead"), ("opportunity", "Opportunity"), ("customer", "Customer"),
    ("evangelist", "Evangelist"), ("other", "Other"), ("198234567", "Trial"), ("198234568", "Wiedervorlage"),
)  # fmt: skip
STATUSES = (
    ("NEW", "New"), ("OPEN", "Open"), ("IN_PROGRESS", "In Progress"), ("OPEN_DEAL", "Open Deal"),
    ("UNQUALIFIED", "Unqualified"), ("ATTEMPTED_TO_CONTACT", "Attempted to Contact"), ("CONNECTED", "Connected"),
    ("BAD_TIMING", "Bad Timing"),
)  # fmt: skip
TYPES = {
    "hs_object_id": "number", "createdate": "datetime", "lastmodifieddate": "datetime",
    "notes_last_updated": "datetime", "notes_last_contacted": "datetime",
    "hs_last_sales_activity_timestamp": "datetime", "firstname": "string", "lastname": "string", "email": "string",
    "hs_additional_emails": "string", "phone": "string", "mobilephone": "string", "jobtitle": "string",
    "company": "string", "associatedcompanyid": "number", "country": "string", "city": "string",
    "hubspot_owner_id": "enumeration", "hs_lead_status": "enumeration", "lifecyclestage": "enumeration",
    "message": "string", "hs_merged_object_ids": "enumeration", "hs_is_contact": "bool",
    "hs_calculated_merged_vids": "string", "website": "string",
}  # fmt: skip
"""Every property of a contact and its type. Custom ones are added with `HubSpotPortal.add_property`."""
READ_ONLY = frozenset({
    "hs_object_id", "createdate", "lastmodifieddate", "hs_merged_object_ids", "hs_is_contact",
    "hs_calculated_merged_vids", "associatedcompanyid", "notes_last_updated", "notes_last_contacted",
    "hs_last_sales_activity_timestamp", "hs_additional_emails",
})  # fmt: skip
OPTIONS: dict[str, tuple[tuple[str, str], ...]] = {"hs_lead_status": STATUSES, "lifecyclestage": STAGES}
"""Value and label of what an enumeration can be."""
DEFAULT_PROPERTIES = ("createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname")
ALWAYS = ("createdate", "hs_object_id", "lastmodifieddate")
COMPANY_TYPES = {
    "hs_object_id": "number", "createdate": "datetime", "hs_lastmodifieddate": "datetime", "name": "string",
    "domain": "string", "phone": "string",
}  # fmt: skip
"""Every property of a company; its moment of change has another name than that of a contact."""
COMPANY_DEFAULT_PROPERTIES = ("createdate", "domain", "hs_lastmodifieddate", "hs_object_id", "name")
COMPANY_ALWAYS = ("createdate", "hs_lastmodifieddate", "hs_object_id")

Properties = dict[str, str]


@dataclass(slots=True, eq=False)
class Record:
    """One version of a contact or company; an edit makes a new one. `properties` holds only what is filled."""

    id: int
    properties: Properties
    updated_ms: int
    human: int = 0
    archived_ms: int | None = None
    version: int = 0
    asked: tuple[str, ...] | None = None
    written: bytes = b""

    def as_json(self, names: tuple[str, ...]) -> bytes:
        """The record as HubSpot writes it, with these properties; kept, since pages are asked for again and again."""
        if names is not self.asked:
            # Copied, since orjson leaves each result at the head of a much larger block.
            self.written, self.asked = bytes(memoryview(orjson.dumps(self.as_object(names)))), names
        return self.written

    def as_object(self, names: Iterable[str]) -> dict[str, Any]:
        get = self.properties.get
        value: dict[str, Any] = {
            "id": str(self.id),
            "properties": {name: get(name) for name in names},
            "createdAt": get("createdate"),
            "updatedAt": get("lastmodifieddate") or get("hs_lastmodifieddate"),
            "archived": self.archived_ms is not None,
        }
        if self.archived_ms is not None:
            value["archivedAt"] = iso_ms(self.archived_ms)
        return value


@dataclass(frozen=True, slots=True)
class Owner:
    """A user or a queue that contacts belong to; an archived one has lost its user id."""

    id: int
    first: str
    last: str
    email: str
    kind: str = "PERSON"
    archived: bool = False

    def as_object(self) -> dict[str, Any]:
        user = None if self.kind == "QUEUE" else self.id % 100_000 + 7_700_000
        return {
            "id": str(self.id), "email": self.email, "type": self.kind, "firstName": self.first, "lastName": self.last,
            "userId": None if self.archived else user, "userIdIncludingInactive": user,
            "createdAt": "2024-01-09T10:00:00.000Z", "updatedAt": "2025-11-02T08:30:00.000Z", "archived": self.archived,
            "teams": [{"id": "41", "name": "SMB", "primary": True}] if user and not self.archived else [],
        }  # fmt: skip
