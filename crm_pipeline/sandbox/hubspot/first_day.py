"""A portal's contents on its first day, from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Callable

from crm_pipeline.sandbox.exchange import Clock, iso_ms, iso_seconds
from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal
from crm_pipeline.sandbox.hubspot.records import (
    BASE_MS,
    DAY_MS,
    FIRST_COMPANY,
    FIRST_CONTACT,
    FIRST_OWNER,
    STAGES,
    STATUSES,
    Owner,
    Properties,
    Record,
)
from crm_pipeline.sandbox.people import Company, Person, people

OWNERS = (
    ("Jo", "Reed"), ("Amara", "Okafor"), ("Zoë", "Lindqvist"), ("Luis", "Peña"), ("Mei", "Tan"), ("Piotr", "Zając"),
    ("Sam", "Hill"), ("Nadia", "Haddad"),
)  # fmt: skip
ARCHIVED, MERGED = 0.01, 0.003
COMPANIES_MS = 1_735_787_045_678
"""2025-01-02T03:04:05.678Z, when all companies were made."""


def portal_number(account: str, seed: int) -> int:
    """The portal id, known without filling the portal."""
    return 33_000_000 + random.Random(f"{seed}:{account}:portal").randrange(1_000_000)


def new_portal(account: str, *, seed: int, contacts: int, clock: Clock) -> HubSpotPortal:
    """A portal with `contacts` records, those in the recycle bin included, by rising id."""
    portal = HubSpotPortal(account, portal_number(account, seed), _owners(account), clock=clock)
    chance = random.Random(f"{seed}:{account}:hubspot").random
    owners = [str(owner.id) for owner in portal.owners]
    number = FIRST_CONTACT
    for person in people(seed, account, contacts):
        number += 3 + int(chance() * 50)
        created = BASE_MS - int(chance() * 1000 * DAY_MS) - DAY_MS
        updated = created + int(chance() * (BASE_MS - created))
        properties = _properties(person, number, created, updated, owners, chance)
        _add(portal, Record(number, properties, updated, person.human), chance)
        if person.company and FIRST_COMPANY + person.company.number not in portal.companies:
            portal.put_company(_company(person.company))
    return portal


def _add(portal: HubSpotPortal, record: Record, chance: Callable[[], float]) -> None:
    """A few are in the recycle bin, a few are what is left of a merge of two records with the ids just below."""
    luck = chance()
    if luck < ARCHIVED:
        record.archived_ms = record.updated_ms + int(chance() * (BASE_MS - record.updated_ms))
        portal.put_archived(record)
        return
    if luck < ARCHIVED + MERGED:
        gone = (record.id - 1, record.id - 2)
        record.properties["hs_merged_object_ids"] = ";".join(map(str, gone))
        portal.merged_into |= dict.fromkeys(gone, record.id)
    portal.put(record)


def _company(company: Company) -> Record:
    number = FIRST_COMPANY + company.number
    known = {"name": company.name, "domain": company.domain, "phone": company.office, "hs_object_id": str(number)}
    dates = dict.fromkeys(("createdate", "hs_lastmodifieddate"), iso_ms(COMPANIES_MS))
    return Record(number, known | dates, COMPANIES_MS)


def _owners(account: str) -> list[Owner]:
    """Users, a queue, and two who left: HubSpot may forget the name of those."""
    active = [
        Owner(FIRST_OWNER + 7 * place, first, last, f"owner{place}@{account}.example")
        for place, (first, last) in enumerate(OWNERS, 1)
    ]
    queue = Owner(FIRST_OWNER + 101, "", "", "", kind="QUEUE")
    former = [
        Owner(FIRST_OWNER + 202, "Greta", "Falk", f"greta@{account}.example", archived=True),
        Owner(FIRST_OWNER + 203, "", "", "", archived=True),
    ]
    return [*active, queue, *former]


def _properties(
    person: Person, number: int, created: int, updated: int, owners: list[str], chance: Callable[[], float]
) -> Properties:
    """The filled properties; both ways HubSpot writes times occur."""
    company, luck = person.company, chance()
    values = {
        "hs_object_id": str(number),
        "firstname": person.first,
        "lastname": person.last,
        "email": person.email,
        "hs_additional_emails": ";".join(person.more_emails),
        "phone": person.phone,
        "mobilephone": person.mobile,
        "jobtitle": person.job,
        "company": company.name if company else None,
        "associatedcompanyid": str(FIRST_COMPANY + company.number) if company and luck < 0.8 else None,
        "country": person.country,
        "hubspot_owner_id": owners[int(chance() * len(owners))] if luck < 0.85 else None,
        "hs_lead_status": STATUSES[int(chance() * len(STATUSES))][0] if luck < 0.7 else None,
        "lifecyclestage": STAGES[int(chance() * len(STAGES))][0] if luck < 0.95 else None,
        "message": person.note,
        "createdate": iso_ms(created),
        "lastmodifieddate": iso_ms(updated),
        "hs_is_contact": "true",
    }
    if luck < 0.6:
        active = iso_seconds(created + int(chance() * (updated - created)))
        values |= {
            "notes_last_updated": active,
            "notes_last_contacted": active,
            "hs_last_sales_activity_timestamp": active,
        }
    return {name: value for name, value in values.items() if value}
