"""An org's contents on its first day, from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from crm_pipeline.sandbox.exchange import Clock
from crm_pipeline.sandbox.people import Person, people
from crm_pipeline.sandbox.shelf import Row
from crm_pipeline.sandbox.zoho.org import ZohoOrg
from crm_pipeline.sandbox.zoho.records import (
    BASE_MS,
    CONTACT_STATUSES,
    CONTACTS,
    DAY_MS,
    FIRST_RECORD,
    FIRST_USER,
    LEAD_STATUSES,
    LEADS,
    LIFECYCLES,
    SALUTATIONS,
    SOURCES,
    User,
    local_time,
)

PEOPLE = (
    ("Ines", "Ortega"), ("Amara", "Okafor"), ("Zoë", "Lindqvist"), ("Luis", "Peña"), ("Mei", "Tan"), ("Piotr", "Zając"),
)  # fmt: skip
LEADS_SHARE, CONVERTED, DELETED, PURGED, UNAPPROVED, MORE_PHONES = 0.4, 0.03, 0.01, 0.002, 0.005, 0.05

Chance = Callable[[], float]


def new_org(account: str, *, seed: int, contacts: int, clock: Clock) -> ZohoOrg:
    """An org with `contacts` leads and contacts, deleted ones included, by rising id."""
    org = ZohoOrg(account, _users(account), clock=clock)
    chance = random.Random(f"{seed}:{account}:zoho").random
    rows: dict[str, list[Row]] = {LEADS: [], CONTACTS: []}
    number, made = FIRST_RECORD, 0
    for person in people(seed, account, contacts, "zoho"):
        if made >= contacts:
            break
        number += 1_000 + int(chance() * 900)
        created = (BASE_MS - int(chance() * 1000 * DAY_MS) - DAY_MS) // 1000 * 1000
        updated = (created + int(chance() * (BASE_MS - created))) // 1000 * 1000
        module, luck = LEADS if chance() < LEADS_SHARE else CONTACTS, chance()
        row = Row(number, _values(org, module, person, created, updated, chance), created, updated, person.human)
        made += 1
        if module == LEADS and luck < CONVERTED and made < contacts:
            number += 1_000
            made += 1
            row.values |= org.conversion(str(number), updated)
            values = _values(org, CONTACTS, person, updated, updated, chance)
            rows[CONTACTS].append(Row(number, values, updated, updated, person.human))
        elif luck > 1 - DELETED:
            row.deleted_ms = updated + int(chance() * (BASE_MS - updated)) // 1000 * 1000
        elif module == LEADS and luck > 1 - DELETED - UNAPPROVED:
            row.values["$approval_state"] = "in_progress"
        rows[module].append(row)
    org.fill(rows)
    for shelf in (org.shelves[LEADS], org.shelves[CONTACTS]):
        for gone in [gone for gone in shelf.bin.values() if chance() < PURGED / DELETED]:
            shelf.purge(gone.id, now_ms=gone.deleted_ms or BASE_MS)
    return org


def _users(account: str) -> list[User]:
    """Active ones, one who may not log in any more, one who was deleted and still owns records."""
    active = [
        User(FIRST_USER + 1_000 * place, first, last, f"owner{place}@{account}.example")
        for place, (first, last) in enumerate(PEOPLE)
    ]
    left = User(FIRST_USER + 50_000, "Greta", "Falk", f"greta@{account}.example", "disabled")
    return [*active, left, User(FIRST_USER + 51_000, "", "Novak", f"novak@{account}.example", "deleted")]


def _values(org: ZohoOrg, module: str, person: Person, created: int, updated: int, chance: Chance) -> dict[str, Any]:
    """The filled fields; a last name is compulsory in Zoho, so people write something there."""
    luck, users, company = chance(), org.users, person.company
    first, last = (person.first, person.last) if person.last else (None, person.first or "-")
    values: dict[str, Any] = {
        "Salutation": SALUTATIONS[int(chance() * len(SALUTATIONS))][0] if luck < 0.2 else None,
        "First_Name": first,
        "Last_Name": last,
        "Email": person.email,
        "Secondary_Email": person.more_emails[0] if person.more_emails else None,
        "Phone": person.phone,
        "Mobile": person.mobile,
        "Lead_Source": SOURCES[int(chance() * len(SOURCES))][0] if luck < 0.6 else None,
        "Description": person.note,
        "Owner": users[int(chance() * len(users))].id,
        "Last_Activity_Time": local_time(created + int(chance() * (updated - created))) if luck < 0.6 else None,
        "Lifecycle": LIFECYCLES[int(chance() * len(LIFECYCLES))][0] if luck < 0.3 else None,
        "Email_Opt_Out": luck > 0.97,
        "Tag": [{"name": "vip", "id": str(FIRST_USER - 1), "color_code": "#57B1FD"}] if luck > 0.95 else [],
    }
    if module == LEADS:
        return values | {
            "Company": company.name if company else None,
            "Designation": person.job,
            "Country": person.country,
            "Lead_Status": LEAD_STATUSES[int(chance() * len(LEAD_STATUSES))][0] if luck < 0.8 else None,
            "Team_Size": int(luck * 200) if luck < 0.4 else None,
            "Languages": ["de", "en"] if luck < 0.1 else [],
        }
    return values | {
        "Account_Name": org.account_id(company.name, moment=created) if company else None,
        "Title": person.job,
        "Mailing_Country": person.country,
        "Home_Phone": f"+1 212 555 {int(chance() * 10_000):04d}" if luck < MORE_PHONES else None,
        "Other_Phone": f"+1 646 555 {int(chance() * 10_000):04d}" if luck < MORE_PHONES / 2 else None,
        "Contact_Status": CONTACT_STATUSES[int(chance() * len(CONTACT_STATUSES))][0] if luck < 0.5 else None,
        "Visits": [{"Day": "2026-01-01"}] if luck < 0.1 else [],
    }
