"""What people do in a location, in words that all CRMs share, and in HighLevel's own; and what should arrive of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields as fields_of
from typing import Any

from crm_pipeline.sandbox.crm import BadControl, Card, NoSuchRecord
from crm_pipeline.sandbox.gohighlevel.location import HighLevelLocation, Install
from crm_pipeline.sandbox.shelf import Row

Body = Mapping[str, Any]
PLAIN = {"first": "firstName", "last": "lastName", "email": "email", "phone": "phone", "country": "country"}
"""Words of all CRMs that are one key of a contact; `mobile`, `company` and `note` are more than that."""
REMARKS = "Remarks"
"""The custom field that notes are written into. A mapper knows it only when it is told."""


class LocationUsers:
    """See `crm.Users`."""

    object_types: tuple[str, ...] = ("contact",)

    def __init__(self, location: HighLevelLocation) -> None:
        self._location = location

    def add(self, *, object_type: str | None = None, **fields: str | None) -> str:
        """A lead with an owner and an open opportunity."""
        pipeline = self._location.pipelines[0]
        opportunity = {
            "id": self._location.new_id(), "pipelineId": pipeline["id"],
            "pipelineStageId": pipeline["stages"][1]["id"], "status": "open", "monetaryValue": 0,
        }  # fmt: skip
        owner = next(iter(self._location.members))
        start = {"type": "lead", "assignedTo": owner, "opportunities": [opportunity]}
        return self._location.create(start | self._values({}, fields))

    def edit(self, crm_id: str, *, touch: bool = True, **fields: str | None) -> None:
        values = self._values(self._location.shelf.get(crm_id).values, fields)
        self._location.edit(crm_id, values, touch=touch)

    def delete(self, crm_id: str) -> None:
        self._location.delete(crm_id)

    def restore(self, crm_id: str) -> None:
        self._location.restore(crm_id)

    def purge(self, crm_id: str) -> None:
        self._location.purge(crm_id)

    def merge(self, kept: str, lost: str) -> str:
        return self._location.merge(kept, lost)

    def rename_owner(self, crm_id: str, name: str, email: str) -> None:
        member = self._location.members.get(self._location.shelf.get(crm_id).values.get("assignedTo") or "")
        if member is None:
            raise NoSuchRecord(f"contact {crm_id} has no owner that is known")
        first, _, last = name.partition(" ")
        member.first, member.last, member.email = first, last, email

    def rename_company(self, crm_id: str, name: str) -> None:
        """Its business; a company that is only a text beside the contact has no name of its own."""
        business_id = self._location.shelf.get(crm_id).values.get("businessId")
        if not business_id:
            raise NoSuchRecord(f"contact {crm_id} is linked to no business")
        self._location.rename_business(business_id, name)

    def stamp_all(self, milliseconds: int) -> None:
        self._location.stamp_all(milliseconds)

    def add_custom_fields(self, count: int) -> None:
        self._location.add_custom_fields(count)

    def set_lag(self, seconds: float) -> None:
        self._location.shelf.lag = seconds

    def cards(self) -> dict[str, Card]:
        """Status is the type, stage that of the newest open opportunity; no note without a field mapping."""
        with self._location.lock:
            return {str(row.id): self._card(row) for row in self._location.shelf.live.values()}

    def _card(self, row: Row) -> Card:
        values = row.values
        owner = self._location.members.get(values.get("assignedTo") or "")
        numbers = [values.get("phone"), *(one["phone"] for one in values.get("additionalPhones", ()))]
        emails = [values.get("email"), *(one["email"] for one in values.get("additionalEmails", ()))]
        open_ones = [one for one in values.get("opportunities") or () if one["status"] == "open"]
        return Card(
            object_type="contact",
            first=_said(values.get("firstName")),
            last=_said(values.get("lastName")),
            phones=tuple(number.strip() for number in numbers if _said(number)),
            emails=tuple(email.strip() for email in emails if _said(email)),
            company=_said(values.get("companyName")) or _said(values.get("businessName")),
            country=_said(values.get("country")),
            owner=_said(f"{owner.first} {owner.last}") if owner else None,
            owner_email=_said(owner.email) if owner else None,
            status=_said(values.get("type")),
            stage=self._location.stage_name(open_ones[-1]["pipelineStageId"]) if open_ones else None,
            human=row.human,
        )

    def _values(self, known: Mapping[str, Any], said: Mapping[str, str | None]) -> dict[str, Any]:
        """The contact's own keys; a company is linked as a business, so that it can be renamed."""
        unknown = sorted(said.keys() - PLAIN.keys() - {"mobile", "company", "note"})
        if unknown:
            raise BadControl(f"nothing is called {unknown[0]!r}")
        values: dict[str, Any] = {PLAIN[name]: text for name, text in said.items() if name in PLAIN}
        if "mobile" in said:
            values |= self._mobile(known, said["mobile"])
        if "company" in said:
            business_id = self._business(said["company"])
            values |= {"companyName": None, "businessId": business_id, "businessName": said["company"]}
        if "note" in said:
            remarks = next(str(one["id"]) for one in self._location.fields if one["name"] == REMARKS)
            others = [one for one in known.get("customFields", ()) if one["id"] != remarks]
            values["customFields"] = [*others, *([{"id": remarks, "value": said["note"]}] if said["note"] else [])]
        return values

    def _mobile(self, known: Mapping[str, Any], number: str | None) -> dict[str, Any]:
        """The number labelled so: the first one, or an additional one."""
        if known.get("phoneLabel") == "Mobile":
            return {"phone": number}
        others = [one for one in known.get("additionalPhones", ()) if one.get("phoneLabel") != "Mobile"]
        return {"additionalPhones": [*([{"phone": number, "phoneLabel": "Mobile"}] if number else []), *others]}

    def _business(self, name: str | None) -> str | None:
        if not name:
            return None
        for business_id, known in self._location.businesses.items():
            if known == name:
                return business_id
        business_id = f"{len(self._location.businesses):024x}"
        self._location.businesses[business_id] = name
        return business_id


def act(location: HighLevelLocation, action: str, body: Body) -> object:
    """A change asked for by name: `act(location, "edit", {"id": "aB3...", "fields": {"phone": "..."}})`."""
    if action not in ACTIONS:
        raise BadControl(f"no action is called {action!r}; there are {', '.join(ACTIONS)}")
    return ACTIONS[action](location, body)


def _create(location: HighLevelLocation, body: Body) -> object:
    return {"id": location.create(body["fields"])}


def _edit(location: HighLevelLocation, body: Body) -> object:
    location.edit(body["id"], body["fields"], touch=bool(body.get("touch", True)))
    return {}


def _delete(location: HighLevelLocation, body: Body) -> object:
    location.delete(body["id"])
    return {}


def _restore(location: HighLevelLocation, body: Body) -> object:
    location.restore(body["id"], touch=bool(body.get("touch", False)))
    return {}


def _purge(location: HighLevelLocation, body: Body) -> object:
    location.purge(body["id"])
    return {}


def _merge(location: HighLevelLocation, body: Body) -> object:
    return {"id": location.merge(body["primary"], body["other"])}


def _set(location: HighLevelLocation, body: Body) -> object:
    """`lag` in seconds, and what `Install` holds."""
    settings = {name: value for name, value in body.items() if name not in ("provider", "account", "action")}
    known = {one.name for one in fields_of(Install)} | {"lag"}
    unknown = sorted(settings.keys() - known)
    if unknown:
        raise BadControl(f"nothing is called {unknown[0]!r}; there are {', '.join(sorted(known))}")
    for name, value in settings.items():
        if name == "lag":
            location.shelf.lag = float(value)
        else:
            setattr(location.install, name, frozenset(value) if name == "missing_scopes" else value)
    return {}


ACTIONS: dict[str, Callable[[HighLevelLocation, Body], object]] = {
    "create": _create,
    "edit": _edit,
    "delete": _delete,
    "restore": _restore,
    "purge": _purge,
    "merge": _merge,
    "set": _set,
}


def _said(text: str | None) -> str | None:
    return (text.strip() or None) if text else None
