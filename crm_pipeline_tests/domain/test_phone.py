"""Phones: the table of spellings in `phone_vectors.tsv`, the rules behind it, and properties over any text."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.domain.phone import BadPhone, Phone, parse_phones
from crm_pipeline.domain.reasons import REASONS

_TABLE = Path(__file__).with_name("phone_vectors.tsv")


def vectors() -> list[tuple[str, str, str, str, str]]:
    """(region, text, expected, extension, match key); `|` parts numbers of one cell, no key means the usual one."""
    lines = _TABLE.read_text("utf-8").splitlines()[1:]
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    return [(region, text.replace("\\n", "\n"), expected, ext, key) for region, text, expected, ext, key, _ in rows]


def usual_key(expected: str, extension: str) -> str:
    numbers = [one for one in expected.split(" | ") if one.startswith("+")]
    extensions = extension.split(" | ") if extension else [""] * len(numbers)
    return " | ".join(f"{number}x{ext}" if ext else number for number, ext in zip(numbers, extensions, strict=True))


@pytest.mark.parametrize(("region", "text", "expected", "extension", "match_key"), vectors())
def test_a_spelling_gives_the_listed_number_or_reason(
    region: str, text: str, expected: str, extension: str, match_key: str
) -> None:
    found = parse_phones(text, region)
    phones = [one for one in found if isinstance(one, Phone)]
    read = " | ".join(one.e164 if isinstance(one, Phone) else one.reason for one in found)
    assert read == (expected if expected != "missing_phone" else "")
    assert " | ".join(phone.extension or "" for phone in phones).strip(" |") == extension
    assert " | ".join(phone.match_key for phone in phones) == (match_key or usual_key(expected, extension))


def test_the_table_is_wide_enough() -> None:
    rows = vectors()
    assert len(rows) >= 300
    assert len({region for region, *_ in rows}) >= 30
    assert len({(region, text) for region, text, *_ in rows}) == len(rows)


def test_every_reason_of_a_phone_is_in_the_table() -> None:
    """A reason that no example reaches is a reason that nobody has seen work."""
    listed = {reason for _, _, expected, *_ in vectors() for reason in expected.split(" | ")}
    assert {code for code in REASONS if code.startswith("phone_")} <= listed


@pytest.mark.parametrize(
    "group",
    [
        ("+54 9 11 2345-6789", "+54 11 2345-6789", "011 15-2345-6789"),
        ("+54 9 351 234-5678", "+54 351 234-5678", "0351 15 234-5678"),
    ],
)
def test_argentine_spellings_of_one_line_share_a_key(group: tuple[str, ...]) -> None:
    assert len({key for text in group for key in keys(text, "AR")}) == 1


@pytest.mark.parametrize(
    "group",
    [
        ("+52 1 55 3456 7891", "+52 55 3456 7891", "044 55 3456 7891", "55 3456 7891"),
        ("+52 1 222 123 4567", "+52 222 123 4567", "01 222 123 4567"),
    ],
)
def test_mexican_spellings_of_one_line_share_a_key(group: tuple[str, ...]) -> None:
    assert len({key for text in group for key in keys(text, "MX")}) == 1


@pytest.mark.parametrize("area", ["11", "21", "31", "47", "85", "91"])
def test_brazilian_mobiles_with_and_without_the_ninth_digit_share_a_key(area: str) -> None:
    assert keys(f"+55 {area} 8765-4321", "US") == keys(f"({area}) 98765-4321", "BR") == [f"+55{area}987654321"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+39 06 6982 1234", "+39 6 6982 1234"),  # Italy's zero is part of the number
        ("+7 771 000 9998", "+7 910 000 9998"),  # Kazakhstan and Russia
        ("+1 876 555 2671", "+1 658 555 2671"),  # two codes of Jamaica
        ("+1 415 555 2671", "+1 415 555 2671 x1"),  # a switchboard and somebody behind it
        ("+1 415 555 2671 x1", "+1 415 555 2671 x01"),
        ("+55 21 2345-6789", "+55 21 9234-5678"),  # a landline and a mobile of before the ninth digit
        ("+54 11 2345-6789", "+54 11 2345-6788"),
        ("+44 20 7946 0958", "+44 20 7946 0959"),
    ],
)
def test_different_lines_have_different_keys(one: str, other: str) -> None:
    assert not set(keys(one, "US")) & set(keys(other, "US"))


def test_the_crm_text_is_kept() -> None:
    for text in ("(415) 555-2671", "tel: 020 7946 0958", "4155552671.0", "not known yet"):
        assert [one.text for one in parse_phones(text, "US")] == [text] * len(parse_phones(text, "US"))


def test_a_field_of_ten_thousand_characters_is_no_phone() -> None:
    (bad,) = parse_phones("4155552671 " * 1000, "US")
    assert isinstance(bad, BadPhone)
    assert bad.reason == "phone_not_a_number"


@settings(max_examples=400, deadline=None)
@given(st.text(max_size=80), st.sampled_from(["US", "GB", "DE", "MX", "BR", "AR", "IT", "XX", ""]))
def test_any_text_gives_phones_or_known_reasons(text: str, region: str) -> None:
    assert_sound(text, region)


PHONE_LIKE = st.text("0123456789+()-./,;# xXextpwEe\t\n\u0664\uff14*", max_size=40)


@settings(max_examples=1500, deadline=None)
@given(PHONE_LIKE, st.sampled_from(["US", "CA", "GB", "DE", "MX", "BR", "AR", "IT", "RU", "XX"]))
def test_any_text_of_phone_signs_gives_phones_or_known_reasons(text: str, region: str) -> None:
    assert_sound(text, region)


@st.composite
def valid_numbers(draw: st.DrawFn) -> phonenumbers.PhoneNumber:
    """A neighbour of a region's example number that the library, asked directly, takes for valid."""
    region = draw(st.sampled_from(sorted(phonenumbers.SUPPORTED_REGIONS)))
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    assert example is not None or region in {"AC", "TA"} or phonenumbers.example_number(region) is not None
    number = example or phonenumbers.example_number(region)
    assert number is not None
    shifted = phonenumbers.PhoneNumber()
    shifted.merge_from(number)
    shifted.national_number = (number.national_number or 0) + draw(st.integers(-9999, 9999))
    return shifted if phonenumbers.is_valid_number(shifted) else number


@settings(max_examples=600, deadline=None)
@given(valid_numbers(), st.sampled_from([0, 1, 3]), st.sampled_from(["US", "GB", "DE"]))
def test_international_spellings_read_back_as_themselves(
    number: phonenumbers.PhoneNumber, spelling: int, region: str
) -> None:
    """Whatever is accepted is the number that was written, however it was formatted and wherever it is read."""
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    for found in parse_phones(phonenumbers.format_number(number, spelling), region):
        if isinstance(found, Phone):
            assert found.e164 == e164
        else:
            assert found.reason in {"phone_placeholder", "phone_service_number", "phone_premium_rate"}


@settings(max_examples=600, deadline=None)
@given(valid_numbers())
def test_national_spellings_read_back_as_themselves(number: phonenumbers.PhoneNumber) -> None:
    region = phonenumbers.region_code_for_number(number)
    assert region is not None
    written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    assert {found.e164 for found in parse_phones(written, region) if isinstance(found, Phone)} <= {e164}


def test_equal_keys_mean_equal_numbers_but_for_the_listed_renumberings() -> None:
    phones = [
        found for region, text, *_ in vectors() for found in parse_phones(text, region) if isinstance(found, Phone)
    ]
    for one, other in combinations(phones, 2):
        if one.match_key == other.match_key:
            assert one.extension == other.extension
            assert one.e164 == other.e164 or one.e164[:3] in {"+54", "+55"}


def keys(text: str, region: str) -> list[str]:
    return [found.match_key for found in parse_phones(text, region) if isinstance(found, Phone)]


def assert_sound(text: str, region: str) -> None:
    """Never raises; whatever comes out is valid, reads back as itself, or has a published reason."""
    for found in parse_phones(text, region):
        if isinstance(found, BadPhone):
            assert found.reason in REASONS
            continue
        assert phonenumbers.is_valid_number(phonenumbers.parse(found.e164))
        (again,) = parse_phones(found.e164, "US")
        assert isinstance(again, Phone)
        assert again.e164 == found.e164
        assert found.match_key.removesuffix(f"x{found.extension}") == again.match_key
