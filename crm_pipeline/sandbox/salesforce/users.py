"""What people do in Salesforce, in the words all CRMs share, and by name for control requests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_pipeline.sandbox.crm import BadControl, Card, NoSuchRecord
from crm_pipeline.sandbox.salesforce.org import PEOPLE, SalesforceOrg
from crm_pipeline.sandbox.salesforce.schema import LEAD_STATUSES, OPTIONS
from crm_pipeline.sandbox.shelf import Row

FIELDS = {
    "first": "FirstName", "last": "LastName", "phone": "Phone", "mobile": "MobilePhone", "email": "Email",
    "note": "Description",
}  # fmt: skip
KINDS = {"lead": "Lead", "contact": "Contact"}
NUMBERS = ("Phone", "MobilePhone", "HomePhone", "OtherPhone", "Fax")
"""A person's own, in the order a good mapper keeps them; an assistant's number is somebody else's."""
KNOBS = frozenset({
    "page_rows", "locator_lives", "slow_above", "slow_scan", "most_fields", "daily_calls", "shows_limits",
    "stamps_milliseconds",
})  # fmt: skip
SETS = frozenset({"hidden", "invisible", "unqueryable", "lag", "add_fields"})


class SalesforceUsers:
    """`crm.Users` of one org."""

    object_types: tuple[str, ...] = ("lead", "contact")

    def __init__(self, org: SalesforceOrg) -> None:
        self._org = org
        self._added = 0

    def add(self, *, object_type: str | None = None, **fields: str | None) -> str:
        """A contact unless asked otherwise, of somebody nobody knew; owners and statuses take turns."""
        if object_type not in (None, *self.object_types):
            raise BadControl(f"Salesforce has no object type {object_type!r} here")
        kind, turn = KINDS[object_type or "contact"], self._added
        self._added += 1
        users = [row.id for row in self._org.shelves["User"].live.values() if row.values["IsActive"]]
        values: dict[str, Any] = {"OwnerId": users[turn % len(users)]}
        if kind == "Lead":
            values["Status"] = LEAD_STATUSES[turn % 3][0]
        # below zero, where no human of the first day is
        return self._org.create(kind, values | self._values(kind, fields), human=-self._added)

    def edit(self, crm_id: str, *, touch: bool = True, **fields: str | None) -> None:
        kind, _ = self._org.person(crm_id)
        self._org.edit(crm_id, self._values(kind, fields), touch=touch)

    def delete(self, crm_id: str) -> None:
        self._org.delete(crm_id)

    def restore(self, crm_id: str) -> None:
        self._org.restore(crm_id)

    def purge(self, crm_id: str) -> None:
        self._org.purge(crm_id)

    def merge(self, kept: str, lost: str) -> str:
        self._org.merge(kept, lost)
        return kept

    def convert(self, lead: str) -> str:
        """Answers the contact's id."""
        return self._org.convert(lead)

    def rename_owner(self, crm_id: str, name: str, email: str) -> None:
        _, row = self._org.person(crm_id)
        self._org.edit(row.values["OwnerId"], {"Name": name, "Email": email})

    def rename_company(self, crm_id: str, name: str) -> None:
        kind, row = self._org.person(crm_id)
        if not row.values.get("AccountId"):
            raise NoSuchRecord(f"{crm_id} has no account; a {kind.lower()} without one holds no link to a company")
        self._org.edit(row.values["AccountId"], {"Name": name})

    def stamp_all(self, milliseconds: int) -> None:
        self._org.stamp_all(milliseconds)

    def add_custom_fields(self, count: int) -> None:
        self._org.add_fields(count)

    def set_lag(self, seconds: float) -> None:
        for kind in PEOPLE:
            self._org.shelves[kind].lag = seconds

    def cards(self) -> dict[str, Card]:
        """A converted lead is its contact, as long as there is one."""
        org = self._org
        with org.lock:
            contacts = org.shelves["Contact"].live
            cards = {row.id: _card(org, "Contact", row) for row in contacts.values()}
            for row in org.shelves["Lead"].live.values():
                if row.values.get("ConvertedContactId") not in contacts:
                    cards[row.id] = _card(org, "Lead", row)
            return cards

    def _values(self, kind: str, fields: Mapping[str, str | None]) -> dict[str, Any]:
        names = {**FIELDS, "country": "Country" if kind == "Lead" else "MailingCountry"}
        values: dict[str, Any] = {}
        for name, text in fields.items():
            trimmed = (text or "").strip() or None
            if name != "company" and name not in names:
                raise BadControl(f"nothing is called {name!r}; there are {', '.join(names)}, company")
            if name == "company":
                values |= {"Company": trimmed} if kind == "Lead" else {"AccountId": self._org.account_named(trimmed)}
            else:
                values[names[name]] = trimmed
        return values


def _card(org: SalesforceOrg, kind: str, row: Row) -> Card:
    get, is_lead = row.values.get, kind == "Lead"
    owner, account = org.owner(get("OwnerId")), org.account_row(get("AccountId"))
    status = dict(OPTIONS["Lead.Status"]).get(str(get("Status"))) if is_lead else None
    return Card(
        object_type=kind.lower(), first=get("FirstName"), last=get("LastName"),
        phones=tuple(str(get(name)) for name in NUMBERS if get(name)),
        emails=(str(get("Email")),) if get("Email") else (),
        company=get("Company") if is_lead else account.values["Name"] if account else None,
        country=get("Country") if is_lead else get("MailingCountry"), owner=owner.values["Name"] if owner else None,
        owner_email=owner.values.get("Email") if owner else None, status=status,
        stage="Converted" if get("IsConverted") else None, note=get("Description"), human=row.human,
    )  # fmt: skip


def act(org: SalesforceOrg, action: str, body: Mapping[str, Any]) -> object:
    """One change with Salesforce's own field names: `act(org, "edit", {"id": "003...", "fields": {"Phone": "1"}})`."""
    match action:
        case "create":
            kind = str(body.get("object", "Contact"))
            if kind not in org.shelves:
                raise BadControl(f"no object is called {kind!r}")
            return {"id": org.create(kind, _known(org, kind, body["fields"]))}
        case "edit":
            fields = _known(org, org.kind_of(body["id"]), body["fields"])
            org.edit(body["id"], fields, touch=bool(body.get("touch", True)))
        case "delete":
            org.delete(body["id"])
        case "restore":
            org.restore(body["id"])
        case "purge":
            org.purge(body["id"])
        case "merge":
            org.merge(body["master"], body["other"])
        case "convert":
            return {"id": org.convert(body["id"])}
        case "set":
            _set(org, body)
        case _:
            raise BadControl(
                f"no action is called {action!r}; there are create, edit, delete, restore, purge, merge, convert, set"
            )
    return {}


def _known(org: SalesforceOrg, kind: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
    unknown = sorted(fields.keys() - org.fields[kind].keys())
    if unknown:
        raise BadControl(f"{kind} has no field {unknown[0]!r}")
    return fields


def _set(org: SalesforceOrg, body: Mapping[str, Any]) -> None:
    """The org's knobs by name; `hidden` is lists of fields by object, `lag` seconds, `add_fields` a number."""
    asked = {name: value for name, value in body.items() if name not in ("provider", "account", "action")}
    unknown = sorted(asked.keys() - KNOBS - SETS)
    if unknown:
        raise BadControl(f"nothing is called {unknown[0]!r}; there are {', '.join(sorted(KNOBS | SETS))}")
    for name, value in asked.items():
        if name in KNOBS:
            setattr(org, name, value)
        elif name == "hidden":
            org.hidden = {kind: set(names) for kind, names in value.items()}
        elif name == "lag":
            SalesforceUsers(org).set_lag(float(value))
        elif name == "add_fields":
            org.add_fields(int(value))
        else:
            setattr(org, name, set(value))
