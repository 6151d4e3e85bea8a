from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.domain.contact import Contact, PhoneText
from crm_pipeline.domain.normalize import NormalContact, normalize
from crm_pipeline.domain.reasons import REASONS


def a_contact(*phones: str | tuple[str, str], **fields: Any) -> Contact:
    texts = tuple(PhoneText(*phone) if isinstance(phone, tuple) else PhoneText(phone) for phone in phones)
    return Contact(**{"crm_id": "1", "object_type": "contact", "first_name": "Ann", "phones": texts, **fields})


def judged(*phones: str | tuple[str, str], **fields: Any) -> NormalContact:
    return normalize(a_contact(*phones, **fields), default_region="US")


def test_a_contact_with_name_and_phone_can_be_a_lead() -> None:
    normal = judged("(415) 555-2671", emails=("Ann@Example.com",))
    assert normal.reason is None
    assert normal.reason_text is None
    assert [phone.e164 for phone in normal.phones] == ["+14155552671"]
    assert [email.address for email in normal.emails] == ["ann@example.com"]


@pytest.mark.parametrize(
    ("phones", "fields", "reason", "text"),
    [
        ((), {}, "missing_phone", None),
        (("",), {}, "missing_phone", None),
        (("n/a",), {}, "missing_phone", None),
        (("415-555-26",), {}, "phone_too_short", "415-555-26"),
        (("415-555-26711",), {}, "phone_too_long", "415-555-26711"),
        (("999-555-2671", "n/a"), {}, "phone_invalid", "999-555-2671"),
        ((("415-555-2671", "fax"),), {}, "phone_fax", "415-555-2671"),
        (("415-555-2671",), {"first_name": None}, "missing_name", None),
        (("415-555-2671",), {"first_name": "Unknown"}, "missing_name", "Unknown"),
        (("415-555-2671",), {"first_name": "ann@example.com"}, "missing_name", "ann@example.com"),
        ((), {"first_name": None}, "missing_phone", None),
        (("415-555-2671",), {"is_deleted": True}, "deleted", None),
        ((), {"is_deleted": True}, "deleted", None),
        (("415-555-2671",), {"is_deleted": True, "is_purged": True}, "purged", None),
    ],
)
def test_what_stands_in_the_way(phones: Any, fields: dict[str, Any], reason: str, text: str | None) -> None:
    normal = judged(*phones, **fields)
    assert (normal.reason, normal.reason_text) == (reason, text)


def test_one_good_phone_is_enough_and_the_bad_ones_are_kept() -> None:
    normal = judged("call me", "415-555-2671", "12")
    assert normal.reason is None
    assert [bad.text for bad in normal.bad_phones] == ["call me", "12"]


def test_a_mobile_comes_before_a_landline() -> None:
    normal = judged("+44 20 7946 0958", "+44 7400 123456")
    assert [phone.kind for phone in normal.phones] == ["mobile", "fixed"]


def test_where_the_plan_cannot_tell_the_label_can() -> None:
    """In the US every number may be a mobile; a text to the office phone would be a wasted one."""
    normal = judged(("415-555-2671", "phone"), ("415-555-2672", "mobilephone"))
    assert normal.phones[0].e164 == "+14155552672"


def test_a_label_does_not_make_a_landline_a_mobile() -> None:
    normal = judged(("+44 20 7946 0958", "mobile"), ("+44 7400 123456", "work"))
    assert normal.phones[0].e164 == "+447400123456"


def test_a_number_behind_a_switchboard_comes_later() -> None:
    normal = judged("415-555-2671 x12", "415-555-2672")
    assert [phone.extension for phone in normal.phones] == [None, "12"]


def test_one_line_in_two_spellings_is_one_phone() -> None:
    normal = judged("+54 11 2345-6789", "+54 9 11 2345-6789", "011 15 2345-6789", country="Argentina")
    assert [phone.e164 for phone in normal.phones] == ["+5491123456789"]


@pytest.mark.parametrize("country", ["GB", "United Kingdom", "England", "Royaume-Uni"])
def test_the_contacts_country_reads_its_phone(country: str) -> None:
    assert judged("020 7946 0958", country=country).phones[0].e164 == "+442079460958"


@pytest.mark.parametrize("country", [None, "", "Narnia", "n/a"])
def test_without_a_readable_country_the_default_region_reads_it(country: str | None) -> None:
    assert judged("415-555-2671", country=country).phones[0].e164 == "+14155552671"


def test_matching_uses_at_most_fifty_phones_and_emails() -> None:
    phones = tuple(f"415-555-{line:04d}" for line in range(10_000))
    emails = tuple(f"a{line}@example.com" for line in range(10_000))
    normal = judged(*phones, emails=emails)
    assert len(normal.phones) == len(normal.emails) == 50
    assert len(normal.contact.phones) == 10_000


def test_several_addresses_in_one_field_are_several_emails() -> None:
    normal = judged("415-555-2671", emails=("a@x.co; b@x.co", "A@x.co", "nonsense"))
    assert [email.address for email in normal.emails] == ["a@x.co", "b@x.co"]


SOME_TEXT = st.none() | st.text(max_size=20) | st.sampled_from(["Ann", "unknown", "415-555-2671", "a@x.co", "Germany"])


@settings(max_examples=300, deadline=None)
@given(
    phones=st.lists(
        st.tuples(st.text(max_size=20) | st.sampled_from(["415-555-2671", "x"]), st.text(max_size=8)), max_size=4
    ),
    full=SOME_TEXT,
    first=SOME_TEXT,
    country=SOME_TEXT,
    email=st.text(max_size=20),
    is_deleted=st.booleans(),
)
def test_every_contact_can_be_a_lead_or_has_a_known_reason(
    phones: list[tuple[str, str]],
    full: str | None,
    first: str | None,
    country: str | None,
    email: str,
    is_deleted: bool,
) -> None:
    fields: dict[str, Any] = {"full_name": full, "first_name": first, "country": country, "emails": (email,)}
    normal = judged(*phones, **fields, is_deleted=is_deleted)
    assert normal == judged(*phones, **fields, is_deleted=is_deleted)
    assert normal.reason is None or normal.reason in REASONS
    assert (normal.reason is None) == bool(normal.phones and normal.name and not is_deleted)
    assert len({phone.match_key for phone in normal.phones}) == len(normal.phones)
