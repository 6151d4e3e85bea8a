"""What people do in a Zoho CRM, in the words that all CRMs share, and what a good mapper makes of each record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_pipeline.sandbox.crm import BadControl, Card
from crm_pipeline.sandbox.shelf import Row
from crm_pipeline.sandbox.zoho.org import ZohoOrg
from crm_pipeline.sandbox.zoho.records import CONTACTS, LEAD_STATUSES, LEADS, Field

MODULES = {"lead": LEADS, "contact": CONTACTS}
SHARED = {
    "first": "First_Name", "last": "Last_Name", "phone": "Phone", "mobile": "Mobile", "email": "Email",
    "note": "Description",
}  # fmt: skip
NUMBERS = {LEADS: ("Phone", "Mobile"), CONTACTS: ("Phone", "Mobile", "Home_Phone", "Other_Phone")}
COUNTRY = {LEADS: "Country", CONTACTS: "Mailing_Country"}
NEW_STATUS = "Not Contacted"


class ZohoUsers:
    """The people of one org."""

    object_types: tuple[str, ...] = ("lead", "contact")

    def __init__(self, org: ZohoOrg) -> None:
        self._org = org

    def add(self, *, object_type: str | None = None, **fields: str | None) -> str:
        """A new contact, or a new lead, which has a status."""
        module = MODULES[object_type or "contact"]
        values = self._values(module, fields)
        return self._org.create(module, values | ({"Lead_Status": NEW_STATUS} if module == LEADS else {}))

    def edit(self, crm_id: str, *, touch: bool = True, **fields: str | None) -> None:
        """Without `touch` the time of change stays."""
        self._org.edit(crm_id, self._values(self._org.module_of(crm_id), fields), touch=touch)

    def delete(self, crm_id: str) -> None:
        """Into the recycle bin."""
        self._org.delete(crm_id)

    def restore(self, crm_id: str) -> None:
        """Back from the recycle bin, with the time of change it had."""
        self._org.restore(crm_id)

    def purge(self, crm_id: str) -> None:
        """Gone for good."""
        self._org.purge(crm_id)

    def merge(self, kept: str, lost: str) -> str:
        """Answers the master's id, which stays."""
        return self._org.merge(kept, lost)

    def convert(self, crm_id: str) -> str:
        """A lead becomes a contact, whose id is answered."""
        return self._org.convert(crm_id)

    def rename_owner(self, crm_id: str, name: str, email: str) -> None:
        """Another name for the user who owns this record."""
        self._org.rename_user(self._org.find(crm_id)[1].values["Owner"], name, email)

    def rename_company(self, crm_id: str, name: str) -> None:
        """Another name for the account of this contact; the company of a lead is mere text."""
        number = self._org.find(crm_id)[1].values.get("Account_Name")
        if number is None:
            raise BadControl(f"{crm_id} is linked to no account")
        self._org.rename_account(number, name)

    def stamp_all(self, milliseconds: int) -> None:
        """Whole seconds, as Zoho counts."""
        with self._org.lock:
            for module in MODULES.values():
                self._org.shelves[module].stamp_all(milliseconds // 1000 * 1000)

    def add_custom_fields(self, count: int) -> None:
        """Filled with one text each, in leads and contacts."""
        with self._org.lock:
            start = len(self._org.fillers)
            names = [f"Extra_{number}" for number in range(start + 1, start + count + 1)]
            self._org.fillers |= {name: f"value of {name}" for name in names}
            for module in MODULES.values():
                fields = [Field(name, name.replace("_", " "), custom=True) for name in names]
                self._org.add_fields(module, fields)

    def set_lag(self, seconds: float) -> None:
        """Zoho's lists have no lag that is known; this one is for the test's sake."""
        for module in MODULES.values():
            self._org.shelves[module].lag = seconds

    def cards(self) -> dict[str, Card]:
        """Every live record as it should arrive; a converted lead has become its contact, if that is there."""
        with self._org.lock:
            contacts = self._org.shelves[CONTACTS].live
            cards = {str(row.id): self._card("contact", row) for row in contacts.values()}
            for row in self._org.shelves[LEADS].live.values():
                detail = row.values.get("$converted_detail")
                if detail is None or int(detail["contact"]["id"]) not in contacts:
                    cards[str(row.id)] = self._card("lead", row)
            return cards

    def _card(self, object_type: str, row: Row) -> Card:
        module, held = MODULES[object_type], row.values
        owner = self._org.user(held["Owner"])
        company = held.get("Company") if module == LEADS else self._org.account_name(held.get("Account_Name"))
        status = dict(LEAD_STATUSES).get(held.get("Lead_Status") or "") if module == LEADS else None
        return Card(
            object_type=object_type,
            first=_said(held.get("First_Name")),
            last=_said(held.get("Last_Name")),
            phones=tuple(text for text in map(_said, map(held.get, NUMBERS[module])) if text),
            emails=tuple(text for text in map(_said, map(held.get, ("Email", "Secondary_Email"))) if text),
            company=_said(company),
            country=_said(held.get(COUNTRY[module])),
            owner=owner.full_name if owner else None,
            owner_email=owner.email if owner else None,
            status=status,
            stage="Converted" if "$converted_detail" in held else None,
            note=_said(held.get("Description")),
            human=row.human,
        )

    def _values(self, module: str, fields: Mapping[str, str | None]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, value in fields.items():
            if name in SHARED:
                values[SHARED[name]] = value
            elif name == "country":
                values[COUNTRY[module]] = value
            elif name == "company" and module == LEADS:
                values["Company"] = value
            elif name == "company":
                values["Account_Name"] = self._org.account_id(value)
            else:
                raise BadControl(f"people know no field {name!r}")
        return values


def _said(value: Any) -> str | None:
    return (str(value).strip() or None) if value is not None else None
