"""One contact, judged: the phones, e-mails and name to use, and whether it can be a lead now."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import NamedTuple

from crm_pipeline.domain.contact import Contact, PhoneText
from crm_pipeline.domain.country import country_region
from crm_pipeline.domain.email import Email, parse_email, split_emails
from crm_pipeline.domain.name import PersonName, parse_name
from crm_pipeline.domain.phone import BadPhone, Phone, parse_phones

MOST_POINTS = 50
"""Phones, and e-mails, of one contact that take part in matching; the CRM's own texts are all kept in `Contact`."""
_MOST_TEXTS = 500
_MOBILE_LABEL = re.compile(r"mob|cell|cel\b|handy|gsm|sms|whatsapp|port[aá]", re.I)
_FAX_LABEL = re.compile(r"fax", re.I)
_RANKS = {"mobile": 0, "fixed_or_mobile": 1, "voip": 2, "fixed": 3, "toll_free": 4}
_WITH_EXTENSION = 3
"""Behind an extension is a switchboard: no better to text than a landline."""


class NormalContact(NamedTuple):
    """What the pipeline uses of a contact. `reason` is None if the contact can be a lead, else a key of `REASONS`."""

    contact: Contact
    name: PersonName | None
    phones: tuple[Phone, ...]
    """One per match key, the best to text first: mobiles, then by number plan and the CRM's order."""
    emails: tuple[Email, ...]
    reason: str | None
    reason_text: str | None
    """The CRM's text that the reason is about, when there is one."""
    bad_phones: tuple[BadPhone, ...]


def normalize(contact: Contact, *, default_region: str) -> NormalContact:
    """Judge one contact. Phones without a country code are read for its country, else for `default_region`."""
    region = (country_region(contact.country) if contact.country else None) or default_region
    phones, bad_phones = _phones(contact.phones, region)
    name = parse_name(contact.full_name, contact.first_name, contact.last_name)
    reason, text = _reason(contact, name, phones, bad_phones)
    return NormalContact(contact, name, phones, _emails(contact.emails), reason, text, bad_phones)


def _phones(texts: tuple[PhoneText, ...], region: str) -> tuple[tuple[Phone, ...], tuple[BadPhone, ...]]:
    ranked: list[tuple[int, Phone]] = []
    bad: list[BadPhone] = []
    for phone_text in texts[:_MOST_TEXTS]:
        is_fax = _is_fax(phone_text.label)
        for found in parse_phones(phone_text.text, region):
            if isinstance(found, BadPhone):
                bad.append(found)
            elif is_fax:
                bad.append(BadPhone("phone_fax", phone_text.text))
            else:
                ranked.append((_rank(found, phone_text.label), found))
    if len(ranked) < 2:  # nearly everybody has one phone or none
        return tuple(phone for _, phone in ranked), tuple(bad[:MOST_POINTS])
    ranked.sort(key=lambda pair: pair[0])
    best: dict[str, Phone] = {}
    for _, phone in ranked:
        best.setdefault(phone.match_key, phone)
    return tuple(best.values())[:MOST_POINTS], tuple(bad[:MOST_POINTS])


@lru_cache(256)
def _is_fax(label: str) -> bool:
    return _FAX_LABEL.search(label) is not None


@lru_cache(256)
def _is_mobile(label: str) -> bool:
    return _MOBILE_LABEL.search(label) is not None


def _rank(phone: Phone, label: str) -> int:
    """Lower is better to text. A label can say that a number is a mobile only where the plan leaves it open."""
    rank = _RANKS[phone.kind]
    if rank == 1 and _is_mobile(label):
        rank = 0
    return max(rank, _WITH_EXTENSION) if phone.extension else rank


def _emails(texts: Iterable[str]) -> tuple[Email, ...]:
    best: dict[str, Email] = {}
    for text in texts:
        for part in split_emails(text):
            if len(best) < MOST_POINTS and isinstance(email := parse_email(part), Email):
                best.setdefault(email.match_key, email)
    return tuple(best.values())


def _reason(
    contact: Contact, name: PersonName | None, phones: tuple[Phone, ...], bad_phones: tuple[BadPhone, ...]
) -> tuple[str | None, str | None]:
    """The first thing that stands in the way, and the CRM's text it is about."""
    if contact.is_deleted or contact.is_purged:
        return ("purged" if contact.is_purged else "deleted"), None
    if not phones:
        return (bad_phones[0].reason, bad_phones[0].text) if bad_phones else ("missing_phone", None)
    if name is None:
        texts = (contact.full_name, contact.first_name, contact.last_name)
        return "missing_name", next((text for text in texts if text and text.strip()), None)
    return None, None
