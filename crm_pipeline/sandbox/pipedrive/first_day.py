"""A company's contents on its first day, from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from crm_pipeline.sandbox.exchange import Clock, iso_seconds
from crm_pipeline.sandbox.people import Person, people
from crm_pipeline.sandbox.pipedrive.account import (
    BUDGET,
    INTERESTS,
    LABELS,
    LEAD_SOURCE,
    LINK,
    PIPELINE_STATE,
    RENEWAL,
    Account,
    Fields,
    User,
    blank_person,
    named,
    new_activity,
)
from crm_pipeline.sandbox.shelf import Row

BASE_MS = 1_782_864_000_000
"""2026-07-01T00:00:00Z; every generated moment lies before it."""
DAY_MS = 86_400_000
FIRST_PERSON, FIRST_ORGANIZATION, FIRST_ACTIVITY, FIRST_USER = 4_000, 300, 55_000, 90_210
USERS = (
    ("Jo Reed", True), ("Amara Okafor", True), ("Zoë Lindqvist", True), ("Luis Peña", True), ("Mei Tan", True),
    ("Greta Falk", False),
)  # fmt: skip
"""The last one has left."""
DELETED, NEVER_CHANGED, SECOND_PHONE, ACTIVE, LABELLED = 0.01, 0.004, 0.04, 0.3, 0.8
LOST_ACTIVITY = 0.05
"""Last activities that have been deleted since."""
Chance = Callable[[], float]


def new_account(account: str, *, seed: int, contacts: int, clock: Clock) -> Account:
    """A company with `contacts` persons, the deleted ones included, by rising id."""
    users = [
        User(FIRST_USER + 11 * place, name, f"owner{place}@{account}.example", active)
        for place, (name, active) in enumerate(USERS)
    ]
    found = Account(account, users, clock=clock)
    chance = random.Random(f"{seed}:{account}:pipedrive").random
    rows, organizations, number = [], dict[int, Row](), FIRST_PERSON
    for index, person in enumerate(people(seed, account, contacts, "pipedrive")):
        number += 1 + int(chance() * 4)
        row = _person(person, number, index, users, chance)
        rows.append(row)
        if person.company:
            made = row.created_ms // DAY_MS * DAY_MS
            values = {"name": person.company.name, "owner_id": row.values["owner_id"]}
            key = FIRST_ORGANIZATION + person.company.number
            organizations.setdefault(key, Row(key, values, made, made))
        if chance() < ACTIVE:
            _give_activity(found, row, chance)
    found.persons.fill(rows)
    found.organizations.fill(organizations.values())
    found.last_person, found.last_organization = number, max(organizations, default=FIRST_ORGANIZATION)
    found.last_activity = max(found.activities, default=FIRST_ACTIVITY) + 1
    return found


def _person(person: Person, number: int, index: int, users: list[User], chance: Chance) -> Row:
    """A few were never changed since they were made, and have no time of change; a few are deleted."""
    created = _second(BASE_MS - int(chance() * 1000 * DAY_MS) - DAY_MS)
    updated = _second(created + int(chance() * (BASE_MS - created)))
    luck = chance()
    gone = updated if luck < DELETED else None
    moment = 0 if DELETED <= luck < DELETED + NEVER_CHANGED else updated
    return Row(number, _values(person, index, users, chance), created, moment, person.human, gone)


def _values(person: Person, index: int, users: list[User], chance: Chance) -> Fields:
    pick = _picker(chance)
    values = blank_person(pick(users).id)
    label_ids = [pick(tuple(LABELS))] if chance() < LABELLED else []
    if label_ids and chance() < 0.1:
        label_ids = list(dict.fromkeys([*label_ids, pick(tuple(LABELS))]))
    mailed = chance() < 0.2
    values |= {
        "first_name": person.first, "last_name": person.last, "emails": _emails(person),
        "phones": _phones(person, index, chance), "label_ids": label_ids, "notes": person.note, "job_title": person.job,
        "org_id": FIRST_ORGANIZATION + person.company.number if person.company else None,
        "postal_address": address(person.country),
        "last_incoming_mail_time": _text(BASE_MS - int(chance() * 90 * DAY_MS)) if mailed else None,
        "last_outgoing_mail_time": _text(BASE_MS - int(chance() * 90 * DAY_MS)) if mailed else None,
        "custom_fields": {
            LEAD_SOURCE: pick((31, 32, 33)) if chance() < 0.5 else None,
            PIPELINE_STATE: pick((41, 42, 43)) if chance() < 0.6 else None,
            INTERESTS: [51, 53] if chance() < 0.2 else None,
            BUDGET: {"value": round(chance() * 9000, 2), "currency": "EUR"} if chance() < 0.2 else None,
            RENEWAL: "2026-12-01" if chance() < 0.1 else None,
            LINK: f"https://people.example/{index}" if chance() < 0.3 else None,
        },
    }  # fmt: skip
    return named(values, {})


def _emails(person: Person) -> list[Fields]:
    found = [email for email in (person.email, *person.more_emails) if email]
    return [
        {"value": email, "primary": place == 0, "label": "home" if place else "work"}
        for place, email in enumerate(found)
    ]


def _phones(person: Person, index: int, chance: Chance) -> list[Fields]:
    """Work and mobile; here and there a second number of their own, and in some the primary one is not the first.

    Who has none may have one item with an empty text, as records from the time of version 1 do.
    """
    found = [(person.phone, "work"), (person.mobile, "mobile")]
    if chance() < SECOND_PHONE:
        found.append((f"+1 934 {220 + index // 10_000} {index % 10_000:04d}", "home" if index % 2 else "other"))
    phones = [{"value": text, "primary": False, "label": label} for text, label in found if text is not None]
    if not phones:
        return [] if index % 2 else [{"value": "", "primary": True, "label": "work"}]
    phones[-1 if chance() < 0.1 else 0]["primary"] = True
    return phones


def address(country: str | None) -> Fields | None:
    """A postal address of which only the country is known."""
    if country is None:
        return None
    return {
        "value": country, "country": country, "admin_area_level_1": None, "admin_area_level_2": None, "locality": None,
        "sublocality": None, "route": None, "street_number": None, "subpremise": None, "postal_code": None,
    }  # fmt: skip


def _give_activity(account: Account, row: Row, chance: Chance) -> None:
    """Most are done and say when, some have only a due date."""
    number = FIRST_ACTIVITY + len(account.activities) * 2 + 1
    row.values["last_activity_id"] = number
    done = _second(BASE_MS - int(chance() * 200 * DAY_MS))
    moment, luck = _text(done), chance()
    fields: dict[str, Any] = {
        "person_id": row.id, "owner_id": row.values["owner_id"], "done": True, "due_date": moment[:10],
        "due_time": None if luck < 0.2 else "09:30:00", "add_time": moment, "update_time": moment,
        "marked_as_done_time": None if luck < 0.3 else moment,
    }  # fmt: skip
    if chance() >= LOST_ACTIVITY:
        account.activities[number] = new_activity(number, fields)
    else:
        row.values["last_activity_id"] = number + 1


def _picker(chance: Chance) -> Callable[[Any], Any]:
    return lambda choices: choices[int(chance() * len(choices))]


def _second(milliseconds: int) -> int:
    return milliseconds // 1000 * 1000


def _text(milliseconds: int) -> str:
    return iso_seconds(milliseconds)
