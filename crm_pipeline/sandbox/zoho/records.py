"""What a Zoho CRM keeps of leads, contacts, accounts and users: their fields, and how a record is written.

https://www.zoho.com/crm/developer/docs/api/v8/field-meta.html
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

BASE_MS = 1_780_272_000_000
"""2026-06-01T00:00:00Z; every generated moment lies before it."""
DAY_MS = 86_400_000
FIRST_USER, FIRST_ACCOUNT, FIRST_RECORD = (
    5_550_001_000_000_101_000,
    5_550_001_000_003_000_000,
    5_550_001_000_010_000_000,
)
SUMMER = range(4, 11)
"""Months in which the org's clock shows +02:00, else +01:00."""

LEADS, CONTACTS, ACCOUNTS = "Leads", "Contacts", "Accounts"
LEAD_STATUSES = (
    ("Attempted to Contact", "Attempted to Contact"), ("Contact in Future", "Contact in Future"),
    ("Contacted", "Contacted"), ("Junk Lead", "Junk Lead"), ("Lost Lead", "Lost Lead"),
    ("Not Contacted", "Noch nicht kontaktiert"), ("Pre-Qualified", "Pre-Qualified"), ("Not Qualified", "Not Qualified"),
)  # fmt: skip
"""`actual_value` and `display_value`; an admin has renamed one of them."""
SOURCES = tuple((text, text) for text in ("Web", "Cold Call", "Advertisement", "Employee Referral", "Trade Show"))
CONTACT_STATUSES = (("Active", "Active customer"), ("Dormant", "Dormant"), ("Lost", "Lost"))
LIFECYCLES = (("Active", "Warm"), ("mql", "Marketing qualified"), ("sql", "Sales qualified"))
SALUTATIONS = tuple((text, text) for text in ("Mr.", "Mrs.", "Ms.", "Dr."))


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a module's metadata; `options` are pairs of `actual_value` and `display_value`."""

    name: str
    label: str
    data_type: str = "text"
    json_type: str | None = "string"
    """Missing for some, as has been reported of real orgs."""
    custom: bool = False
    options: tuple[tuple[str, str], ...] = ()

    def as_object(self, number: int) -> dict[str, Any]:
        """As the fields metadata call shows it."""
        value = {
            "id": str(FIRST_USER - 90_000 + number), "api_name": self.name, "field_label": self.label,
            "display_label": self.label, "data_type": self.data_type, "custom_field": self.custom, "visible": True,
            "view_type": {"view": True, "edit": True, "quick_create": False, "create": True},
            "pick_list_values": [
                {"display_value": display, "actual_value": actual, "id": str(FIRST_USER - 50_000 + place)}
                for place, (actual, display) in enumerate(self.options)
            ],
        }  # fmt: skip
        return value if self.json_type is None else value | {"json_type": self.json_type}


def _owner(name: str, label: str) -> Field:
    return Field(name, label, "ownerlookup", "jsonobject")


def _pick(name: str, label: str, options: tuple[tuple[str, str], ...], *, custom: bool = False) -> Field:
    return Field(name, label, "picklist", "string", custom, options)


def _moment(name: str) -> Field:
    return Field(name, name.replace("_", " ").strip(), "datetime")


_PERSON = (
    _owner("Owner", "Owner"), _pick("Salutation", "Salutation", SALUTATIONS), Field("First_Name", "First Name"),
    Field("Last_Name", "Last Name"), Field("Full_Name", "Full Name"), Field("Email", "Email", "email"),
    Field("Secondary_Email", "Secondary Email", "email"), Field("Phone", "Phone", "phone"),
    Field("Mobile", "Mobile", "phone"), Field("Fax", "Fax"), _pick("Lead_Source", "Lead Source", SOURCES),
    Field("Description", "Description", "textarea"), Field("Tag", "Tag", "text", "jsonarray"),
    Field("Email_Opt_Out", "Email Opt Out", "boolean", "boolean"), _moment("Last_Activity_Time"),
    _moment("Created_Time"), _moment("Modified_Time"), _owner("Created_By", "Created By"),
    _owner("Modified_By", "Modified By"),
    _pick("Record_Status__s", "Record Status", (("Available", "Available"), ("Trash", "Trash"))),
)  # fmt: skip
STANDARD: dict[str, tuple[Field, ...]] = {
    LEADS: (
        *_PERSON, Field("Company", "Company"), Field("Designation", "Title"), Field("Country", "Country"),
        Field("City", "City"), _pick("Lead_Status", "Lead Status", LEAD_STATUSES),
        _pick("Rating", "Rating", (("Active", "Active"), ("Shutdown", "Shutdown"))),
        Field("Converted__s", "Is Converted", "boolean", "boolean"), _moment("Converted_Date_Time"),
    ),
    CONTACTS: (
        *_PERSON, Field("Account_Name", "Account Name", "lookup", "jsonobject"), Field("Title", "Title"),
        Field("Department", "Department"), Field("Home_Phone", "Home Phone", "phone"),
        Field("Other_Phone", "Other Phone", "phone"), Field("Mailing_Country", "Mailing Country"),
        Field("Mailing_City", "Mailing City"),
    ),
    ACCOUNTS: (
        _owner("Owner", "Owner"), Field("Account_Name", "Account Name"), Field("Phone", "Phone", "phone"),
        _moment("Created_Time"), _moment("Modified_Time"),
    ),
}  # fmt: skip
CUSTOM: dict[str, tuple[Field, ...]] = {
    LEADS: (
        Field("Team_Size", "Team Size", "integer", "integer", custom=True),
        _pick("Lifecycle", "Lifecycle", LIFECYCLES, custom=True),
        Field("Next_Step", "Next Step", "text", None, custom=True),
        Field("Languages", "Languages", "multiselectpicklist", "jsonarray", custom=True,
              options=(("de", "German"), ("en", "English"), ("es", "Spanish"))),
    ),
    CONTACTS: (
        _pick("Contact_Status", "Contact Status", CONTACT_STATUSES, custom=True),
        _pick("Lifecycle", "Lifecycle", LIFECYCLES, custom=True),
        Field("Customer_Since", "Customer Since", "date", "string", custom=True),
        Field("Visits", "Visits", "subform", "jsonarray", custom=True),
    ),
    ACCOUNTS: (),
}  # fmt: skip
SYSTEM = frozenset({
    "id", "$converted", "$converted_detail", "$approval_state", "Converted__s", "Converted_Date_Time",
})  # fmt: skip
"""What `fields` may name besides the fields of the metadata."""
ONLY_ALONE = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
"""Types whose values come only when one record is read."""


@dataclass(slots=True)
class User:
    """Someone records belong to; `status` is active, disabled, or deleted."""

    id: int
    first: str
    last: str
    email: str
    status: str = "active"

    @property
    def full_name(self) -> str:
        return f"{self.first} {self.last}".strip()

    def as_lookup(self) -> dict[str, str]:
        """As a record shows its owner."""
        return {"name": self.full_name, "id": str(self.id), "email": self.email}

    def as_object(self) -> dict[str, Any]:
        """As the users call shows it."""
        return {
            "id": str(self.id), "full_name": self.full_name, "first_name": self.first or None, "last_name": self.last,
            "email": self.email, "status": self.status, "role": {"name": "Sales", "id": str(FIRST_USER - 10)},
            "profile": {"name": "Standard", "id": str(FIRST_USER - 20)}, "time_zone": "Europe/Berlin",
        }  # fmt: skip


def local_time(milliseconds: int) -> str:
    """`2026-08-14T18:05:10+02:00`: seconds, with the org's offset at that time of the year."""
    seconds = milliseconds // 1000
    hours = 2 if time.gmtime(seconds).tm_mon in SUMMER else 1
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds + hours * 3600)) + f"+0{hours}:00"


def full_name(parts: Iterable[object]) -> str | None:
    """Zoho's own `Full_Name`: the salutation is part of it."""
    return " ".join(str(part) for part in parts if part) or None
