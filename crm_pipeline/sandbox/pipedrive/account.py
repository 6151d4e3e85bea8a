"""What one Pipedrive company holds, and how its people change it. No HTTP here; `api.py` answers requests from it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from crm_pipeline.sandbox.crm import NoSuchRecord
from crm_pipeline.sandbox.exchange import Clock, iso_seconds
from crm_pipeline.sandbox.shelf import Row, Shelf

Fields = dict[str, Any]

LABELS = {12: "Customer", 13: "Hot lead", 14: "Warm lead", 15: "Cold lead"}
OPTIONAL = frozenset({
    "next_activity_id", "last_activity_id", "open_deals_count", "related_open_deals_count", "closed_deals_count",
    "related_closed_deals_count", "participant_open_deals_count", "participant_closed_deals_count",
    "email_messages_count", "activities_count", "done_activities_count", "undone_activities_count", "files_count",
    "notes_count", "followers_count", "won_deals_count", "related_won_deals_count", "lost_deals_count",
    "related_lost_deals_count", "last_incoming_mail_time", "last_outgoing_mail_time", "smart_bcc_email",
})  # fmt: skip
"""What `include_fields` can ask for; `marketing_status` and `doi_status` need an add-on that this company lacks."""
CONTACT_SYNC = ("postal_address", "notes", "im", "birthday", "job_title")
"""Fields of a person that exist only where contact sync is enabled."""
WRITABLE = frozenset({
    "name", "first_name", "last_name", "owner_id", "org_id", "emails", "phones", "label_ids", "visible_to",
    "custom_fields", "last_activity_id", "last_incoming_mail_time", "last_outgoing_mail_time", *CONTACT_SYNC,
})  # fmt: skip
LEAD_SOURCE, PIPELINE_STATE, INTERESTS, BUDGET, RENEWAL, LINK = (
    "5f0c1d6b7a3e4f8890a1b2c3d4e5f60718293a4b", "a1b2c3d4e5f60718293a4b5f0c1d6b7a3e4f8890",
    "0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef",
    "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00", "deadbeefdeadbeefdeadbeefdeadbeefdeadbeef",
)  # fmt: skip
CUSTOM: tuple[tuple[str, str, str, Mapping[int, str] | None], ...] = (
    (LEAD_SOURCE, "Lead source", "enum", {31: "Inbound", 32: "Outbound", 33: "Référence"}),
    (PIPELINE_STATE, "State", "enum", {41: "Qualified", 42: "Nurturing", 43: "Disqualified"}),
    (INTERESTS, "Interests", "set", {51: "Price list", 52: "Demo", 53: "Trade fair"}),
    (BUDGET, "Budget", "monetary", None),
    (RENEWAL, "Renewal", "date", None),
    (LINK, "Profile", "varchar", None),
)
"""Hash, name, type and options of the custom fields of the first day; two companies have the same."""


@dataclass(slots=True)
class User:
    """A user of Pipedrive; an inactive one has left, and the persons still name them."""

    id: int
    name: str
    email: str
    active: bool = True
    modified_ms: int = 0


@dataclass(slots=True)
class FieldDefinition:
    """One field of a person; `options` by id for enumerations."""

    code: str
    name: str
    kind: str
    options: dict[int, str] | None = None
    custom: bool = False
    optional: bool = False


class Account:
    """One company's persons, organizations, users, activities and fields; methods are what its users do. Thread safe.

    `contact_sync` says whether the fields of contact sync exist.
    """

    def __init__(self, name: str, users: list[User], *, clock: Clock) -> None:
        self.name = name
        self.users = users
        self.lock = threading.RLock()
        self.persons, self.organizations = Shelf(clock), Shelf(clock)
        self.activities: dict[int, Fields] = {}
        self.fields = {field.code: field for field in _definitions()}
        self.filled_fields: dict[str, str] = {}
        """Custom fields with one value in every person, however many."""
        self.contact_sync = True
        self.last_person, self.last_organization, self.last_activity = 0, 0, 0
        self._clock = clock

    def now_ms(self) -> int:
        """Pipedrive keeps whole seconds."""
        return int(self._clock()) * 1000

    def user(self, number: int | None) -> User | None:
        return next((user for user in self.users if user.id == number), None)

    # Persons

    def create_person(self, fields: Mapping[str, Any], *, human: int = 0) -> int:
        """A new person; Pipedrive gives it a time of change at once."""
        with self.lock:
            self.last_person += 1
            now = self.now_ms()
            self.persons.put(
                Row(self.last_person, named({**blank_person(self.users[0].id), **fields}, fields), now, now, human)
            )
            return self.last_person

    def edit_person(self, number: int, fields: Mapping[str, Any], *, touch: bool = True) -> None:
        """Change fields; custom ones are merged by their hash."""
        with self.lock:
            old = self.persons.get(number).values
            changed = {**old, **fields, "custom_fields": old["custom_fields"] | fields.get("custom_fields", {})}
            self.persons.edit(number, named(changed, fields), now_ms=self.now_ms() if touch else None)

    def delete_person(self, number: int) -> None:
        """Kept for 30 days, and shown by no list."""
        with self.lock:
            self.persons.delete(number, now_ms=self.now_ms())

    def restore_person(self, number: int) -> None:
        with self.lock:
            self.persons.restore(number, now_ms=self.now_ms())

    def purge_person(self, number: int) -> None:
        with self.lock:
            self.persons.purge(number, now_ms=self.now_ms())

    def merge_persons(self, lost: int, kept: int) -> None:
        """`lost` vanishes for good; `kept` gets what it lacks, and a new time of change."""
        with self.lock:
            loser, winner = self.persons.get(lost).values, self.persons.get(kept).values
            if lost == kept:
                raise NoSuchRecord("a person cannot be merged with itself")
            filled = {name: loser[name] for name in loser if winner.get(name) in (None, "") and loser[name]}
            lists = {name: _joined(winner[name], loser[name]) for name in ("emails", "phones")}
            labels = list(dict.fromkeys([*winner["label_ids"], *loser["label_ids"]]))
            custom = {
                code: value if value is not None else loser["custom_fields"].get(code)
                for code, value in winner["custom_fields"].items()
            }
            self.persons.purge(lost, now_ms=self.now_ms())
            changes = {**filled, **lists, "label_ids": labels, "custom_fields": custom}
            self.persons.edit(kept, changes, now_ms=self.now_ms())

    def stamp_all(self, milliseconds: int) -> None:
        """One time of change for every person, as after a bulk edit."""
        with self.lock:
            self.persons.stamp_all(milliseconds // 1000 * 1000)

    def fill_custom_fields(self, count: int) -> None:
        """So many more custom fields, each with a text in every person; as an import does it, the persons change."""
        with self.lock:
            first = len(self.filled_fields)
            for index in range(first, first + count):
                code = f"{index:08x}" * 5
                self.fields[code] = FieldDefinition(code, f"Extra {index}", "varchar", custom=True)
                self.filled_fields[code] = f"value {index}"
            self.stamp_all(self.now_ms())

    # Around persons

    def organization_named(self, name: str) -> int:
        """The id of the organization with this name; a new one where there is none."""
        with self.lock:
            for number, row in self.organizations.live.items():
                if row.values["name"] == name:
                    return int(number)
            self.last_organization += 1
            now = self.now_ms()
            self.organizations.put(Row(self.last_organization, {"name": name, "owner_id": self.users[0].id}, now, now))
            return self.last_organization

    def rename_organization(self, number: int, name: str) -> None:
        """The persons who work there stay untouched."""
        with self.lock:
            self.organizations.edit(number, {"name": name}, now_ms=self.now_ms())

    def rename_user(self, number: int, name: str, email: str) -> None:
        with self.lock:
            user = self.user(number)
            if user is None:
                raise NoSuchRecord(f"no user {number}")
            user.name, user.email, user.modified_ms = name, email, self.now_ms()

    def add_activity(self, person: int, fields: Mapping[str, Any]) -> int:
        """An activity of a person; it becomes the person's last one."""
        with self.lock:
            self.last_activity += 1
            now = iso_seconds(self.now_ms())
            known = {"person_id": person, "owner_id": self.users[0].id, "add_time": now, "update_time": now}
            self.activities[self.last_activity] = new_activity(self.last_activity, {**known, **fields})
            self.persons.edit(person, {"last_activity_id": self.last_activity}, now_ms=self.now_ms())
            return self.last_activity


def blank_person(owner: int) -> Fields:
    """A person of whom nothing is known; lists are new ones."""
    return {
        "name": "?", "first_name": None, "last_name": None, "owner_id": owner, "org_id": None, "emails": [],
        "phones": [], "visible_to": 3, "label_ids": [], "picture_id": None, "last_activity_id": None,
        "last_incoming_mail_time": None, "last_outgoing_mail_time": None, "postal_address": None, "notes": None,
        "im": [], "birthday": None, "job_title": None, "custom_fields": dict.fromkeys(code for code, *_ in CUSTOM),
    }  # fmt: skip


def named(person: Fields, given: Mapping[str, Any]) -> Fields:
    """With its full name, which no person lacks: people type the address or the number where they know none."""
    if "name" in given and not given.keys() & {"first_name", "last_name"}:
        first, _, last = str(given["name"]).strip().partition(" ")
        person["name"], person["first_name"], person["last_name"] = (
            f"{first} {last}".strip(),
            first or None,
            last or None,
        )
        return person
    parts = [str(person[part]).strip() for part in ("first_name", "last_name") if (person[part] or "").strip()]
    if not parts:
        known = [item["value"] for item in (*person["emails"], *person["phones"]) if item["value"]]
        parts = [known[0] if known else "?"]
        person["first_name"], person["last_name"] = parts[0], None
    person["name"] = " ".join(parts)
    return person


def new_activity(number: int, fields: Fields) -> Fields:
    """An activity with every field of the list."""
    return {
        "id": number, "subject": "Call", "type": "call", "owner_id": None, "creator_user_id": None, "is_deleted": False,
        "add_time": None, "update_time": None, "deal_id": None, "lead_id": None, "person_id": None, "org_id": None,
        "project_id": None, "due_date": None, "due_time": None, "duration": None, "busy": None, "done": False,
        "marked_as_done_time": None, "location": None, "participants": [], "conference_meeting_client": None,
        "conference_meeting_url": None, "conference_meeting_id": None, "public_description": None, "priority": None,
        "note": None, **fields,
    }  # fmt: skip


def _joined(kept: list[Fields], lost: list[Fields]) -> list[Fields]:
    """Both lists of addresses or numbers, the kept one's primary first."""
    filled = [item for item in kept if item["value"]]
    known = {item["value"] for item in filled}
    more = [{**item, "primary": not filled} for item in lost if item["value"] and item["value"] not in known]
    return [*filled, *more]


def _definitions() -> list[FieldDefinition]:
    standard = (
        ("id", "ID", "int"), ("name", "Name", "varchar"), ("first_name", "First name", "varchar"),
        ("last_name", "Last name", "varchar"), ("phone", "Phone", "phone"), ("email", "Email", "varchar"),
        ("owner_id", "Owner", "user"), ("org_id", "Organization", "org"), ("add_time", "Person created", "date"),
        ("update_time", "Update time", "date"), ("picture_id", "Picture", "picture"), ("notes", "Notes", "text"),
        ("postal_address", "Postal address", "address"), ("im", "Instant messenger", "varchar"),
        ("birthday", "Birthday", "date"), ("job_title", "Job title", "varchar"),
    )  # fmt: skip
    return [
        *(FieldDefinition(code, name, kind) for code, name, kind in standard),
        FieldDefinition("label_ids", "Labels", "set", dict(LABELS)),
        FieldDefinition("visible_to", "Visible to", "visible_to", {1: "Item owner", 3: "All users"}),
        *(FieldDefinition(code, code.replace("_", " "), "int", optional=True) for code in sorted(OPTIONAL)),
        *(FieldDefinition(code, name, kind, dict(o) if o else None, custom=True) for code, name, kind, o in CUSTOM),
    ]
