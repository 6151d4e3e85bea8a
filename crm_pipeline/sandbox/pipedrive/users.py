"""What people do in a Pipedrive company, by name: the control route's actions, and the words all CRMs share."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Any

from crm_pipeline.sandbox.crm import BadControl, Card, NoSuchRecord
from crm_pipeline.sandbox.pipedrive.account import LABELS, WRITABLE, Account, Fields
from crm_pipeline.sandbox.pipedrive.first_day import address

Body = Mapping[str, Any]
MOST_ADDED = 1_000_000


def act(account: Account, action: str, body: Body) -> object:
    """One change with Pipedrive's own field names; answers the new id where there is one."""
    if action not in ACTIONS:
        raise BadControl(f"no action is called {action!r}; there are {', '.join(ACTIONS)}")
    return ACTIONS[action](account, body)


def _create(account: Account, body: Body) -> object:
    return {"id": account.create_person(_writable(body["fields"]))}


def _edit(account: Account, body: Body) -> object:
    """`touch: false` leaves the time of change alone."""
    account.edit_person(_whole(body["id"]), _writable(body["fields"]), touch=bool(body.get("touch", True)))
    return {}


def _delete(account: Account, body: Body) -> object:
    account.delete_person(_whole(body["id"]))
    return {}


def _restore(account: Account, body: Body) -> object:
    account.restore_person(_whole(body["id"]))
    return {}


def _purge(account: Account, body: Body) -> object:
    account.purge_person(_whole(body["id"]))
    return {}


def _merge(account: Account, body: Body) -> object:
    """`id` disappears, `merge_with_id` survives, as in the API."""
    account.merge_persons(_whole(body["id"]), _whole(body["merge_with_id"]))
    return {"id": _whole(body["merge_with_id"])}


def _add_activity(account: Account, body: Body) -> object:
    return {"id": account.add_activity(_whole(body["person_id"]), body.get("fields", {}))}


def _set(account: Account, body: Body) -> object:
    """`contact_sync`, and `lag` in seconds."""
    unknown = sorted(body.keys() - {"contact_sync", "lag", "provider", "account", "action"})
    if unknown:
        raise BadControl(f"nothing is called {unknown[0]!r}; there are contact_sync, lag")
    if "contact_sync" in body:
        account.contact_sync = bool(body["contact_sync"])
    if "lag" in body:
        PipedriveUsers(account).set_lag(float(body["lag"]))
    return {}


ACTIONS: dict[str, Callable[[Account, Body], object]] = {
    "create": _create,
    "edit": _edit,
    "delete": _delete,
    "restore": _restore,
    "purge": _purge,
    "merge": _merge,
    "add_activity": _add_activity,
    "set": _set,
}


class PipedriveUsers:
    """The same changes in words that all CRMs share."""

    object_types: tuple[str, ...] = ("contact",)

    def __init__(self, account: Account) -> None:
        self._account = account
        self._added = 0

    def add(self, *, object_type: str | None = None, **fields: str | None) -> str:
        """A new person of somebody nobody knew; owners and labels take turns."""
        if object_type not in (None, "contact"):
            raise BadControl(f"Pipedrive has no {object_type}")
        with self._account.lock:
            active, turn = [user.id for user in self._account.users if user.active], self._added
            self._added += 1
            blank: Fields = {"owner_id": active[turn % len(active)], "phones": [], "emails": []}
            blank["label_ids"] = [list(LABELS)[turn % len(LABELS)]]
            # below zero, where no human of any first day is, and apart from those added to other companies
            human = -(zlib.crc32(f"pipedrive:{self._account.name}".encode()) * MOST_ADDED + self._added)
            return str(self._account.create_person({**blank, **self._own_fields(blank, fields)}, human=human))

    def edit(self, crm_id: str, *, touch: bool = True, **fields: str | None) -> None:
        with self._account.lock:
            values = self._account.persons.get(_whole(crm_id)).values
            self._account.edit_person(_whole(crm_id), self._own_fields(values, fields), touch=touch)

    def delete(self, crm_id: str) -> None:
        self._account.delete_person(_whole(crm_id))

    def restore(self, crm_id: str) -> None:
        self._account.restore_person(_whole(crm_id))

    def purge(self, crm_id: str) -> None:
        self._account.purge_person(_whole(crm_id))

    def merge(self, kept: str, lost: str) -> str:
        self._account.merge_persons(_whole(lost), _whole(kept))
        return kept

    def rename_owner(self, crm_id: str, name: str, email: str) -> None:
        owner = self._account.persons.get(_whole(crm_id)).values["owner_id"]
        self._account.rename_user(owner, name, email)

    def rename_company(self, crm_id: str, name: str) -> None:
        organization = self._account.persons.get(_whole(crm_id)).values["org_id"]
        if organization is None:
            raise NoSuchRecord(f"person {crm_id} has no organization")
        self._account.rename_organization(organization, name)

    def stamp_all(self, milliseconds: int) -> None:
        self._account.stamp_all(milliseconds)

    def add_custom_fields(self, count: int) -> None:
        self._account.fill_custom_fields(count)

    def set_lag(self, seconds: float) -> None:
        with self._account.lock:
            self._account.persons.lag = self._account.organizations.lag = seconds

    def cards(self) -> dict[str, Card]:
        """Every live person, as it should arrive."""
        with self._account.lock:
            return {str(row.id): self._card(row.values, row.human) for row in self._account.persons.live.values()}

    def _card(self, values: Fields, human: int) -> Card:
        account = self._account
        owner = account.user(values["owner_id"])
        organization = account.organizations.live.get(values["org_id"])
        place, labels = values["postal_address"] or {}, account.fields["label_ids"].options or {}
        return Card(
            object_type="contact",
            first=_said(values["first_name"]),
            last=_said(values["last_name"]),
            phones=_texts(values["phones"]),
            emails=_texts(values["emails"]),
            company=_said(organization.values["name"]) if organization else None,
            country=place.get("country") if account.contact_sync else None,
            owner=owner.name if owner else None,
            owner_email=owner.email if owner else None,
            status=next((labels[key] for key in values["label_ids"]), None),
            note=_said(values["notes"]) if account.contact_sync else None,
            human=human,
        )

    def _own_fields(self, values: Fields, fields: Mapping[str, str | None]) -> Fields:
        """Pipedrive's fields for the shared words; what is not named stays."""
        own: Fields = {}
        for name, text in fields.items():
            match name:
                case "first" | "last":
                    own[f"{name}_name"] = text
                case "phone" | "mobile":
                    label = "work" if name == "phone" else "mobile"
                    own["phones"] = _replaced((values | own)["phones"], label, text)
                case "email":
                    own["emails"] = _replaced((values | own)["emails"], "work", text)
                case "company":
                    own["org_id"] = self._account.organization_named(text) if text else None
                case "country":
                    own["postal_address"] = address(text)
                case "note":
                    own["notes"] = text
                case _:
                    raise BadControl(f"a contact has no {name!r}")
        return own


def _replaced(items: list[Fields], label: str, text: str | None) -> list[Fields]:
    """The list with this number or address under its label; without it for None. The first stays the primary one."""
    kept = [dict(item) for item in items if item["value"]]
    place = next((place for place, item in enumerate(kept) if item["label"] == label), len(kept))
    if text is not None:
        kept[place : place + 1] = [{"value": text, "primary": False, "label": label}]
    else:
        del kept[place : place + 1]
    return [{**item, "primary": place == 0} for place, item in enumerate(kept)]


def _texts(items: list[Fields]) -> tuple[str, ...]:
    """The filled ones, the primary one first."""
    filled = [item for item in items if item["value"].strip()]
    first = [item["value"] for item in filled if item["primary"]]
    return (*first, *(item["value"] for item in filled if not item["primary"]))


def _said(text: str | None) -> str | None:
    return (text or "").strip() or None


def _writable(fields: Body) -> Fields:
    unknown = sorted(fields.keys() - WRITABLE)
    if unknown:
        raise BadControl(f"a person has no field {unknown[0]!r} to write")
    return dict(fields)


def _whole(person: object) -> int:
    text = str(person)
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise NoSuchRecord(f"no person {text}")
    return int(text)
