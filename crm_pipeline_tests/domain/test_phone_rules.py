"""Digits read by the compiled plans must be the library's answer, only sooner."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_pipeline.domain.phone import Phone, parse_phones
from crm_pipeline.domain.phone_plan import KINDS
from crm_pipeline.domain.phone_rules import PlanNumber, read_plain

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
WORLDWIDE = (800, 808, 870, 878, 881, 882, 883, 888, 979)


def by_the_library(digits: str, region: str) -> PlanNumber | None:
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    owner = phonenumbers.region_code_for_number(number)
    national = phonenumbers.national_significant_number(number)
    kind = KINDS[phonenumbers.number_type(number)]
    return PlanNumber(number.country_code or 0, national, None if owner == "001" else owner, kind)


def near(number: phonenumbers.PhoneNumber, chance: random.Random) -> str:
    """The number's national digits, a few of them changed, now and then one more."""
    digits = list(phonenumbers.national_significant_number(number))
    for _ in range(chance.randrange(5)):
        digits[chance.randrange(len(digits))] = str(chance.randrange(10))
    return "".join(digits) + "5" * (chance.random() < 0.1)


@pytest.mark.parametrize("region", REGIONS)
def test_what_is_read_is_what_the_library_reads(region: str) -> None:
    chance, read = random.Random(region), 0
    trunk = phonenumbers.ndd_prefix_for_region(region, True) or "0"
    for kind in KINDS:
        example = phonenumbers.example_number_for_type(region, kind)
        if example is None:
            continue
        for _ in range(5):
            national = near(example, chance)
            code = str(example.country_code)
            for digits in ("+" + code + national, national, trunk + national, code + national):
                found = read_plain(digits, region)
                assert found is None or found == by_the_library(digits, region), digits
                read += found is not None
    assert read > 0 or region == "AR"  # its trunk prefix may be rewritten anywhere, so all of it goes the long way


@pytest.mark.parametrize("code", WORLDWIDE)
def test_worldwide_numbers_are_read_as_by_the_library(code: int) -> None:
    example = phonenumbers.example_number_for_non_geo_entity(code)
    assert example is not None
    chance = random.Random(code)
    for national in [str(example.national_number), *(near(example, chance) for _ in range(30))]:
        digits = f"+{code}{national}"
        assert read_plain(digits, "US") == by_the_library(digits, "US"), digits


@pytest.mark.parametrize("digits", ["+091765305747", "+02796388044", "+0", "+", "00", "0"])
def test_no_calling_code_begins_with_a_zero(digits: str) -> None:
    assert read_plain(digits, "ZA") is None


@settings(max_examples=300, deadline=None)
@given(
    st.from_regex(r"\+?[0-9]{1,16}", fullmatch=True),
    st.sampled_from(["US", "GB", "DE", "IT", "BR", "AR", "MX", "RU", "CI", "ZZ", ""]),
)
def test_any_digits_are_read_as_by_the_library_or_left_to_it(digits: str, region: str) -> None:
    found = read_plain(digits, region)
    assert found is None or found == by_the_library(digits, region)


@pytest.mark.parametrize("region", [region for region in REGIONS if phonenumbers.example_number(region)])
def test_the_long_way_reads_the_same_number(region: str) -> None:
    """A label sends a text the long way; the number behind it must not change for that."""
    chance = random.Random(region)
    example = phonenumbers.example_number(region)
    assert example is not None
    for _ in range(6):
        number = phonenumbers.PhoneNumber(example.country_code, int(near(example, chance)))
        for style in (phonenumbers.PhoneNumberFormat.INTERNATIONAL, phonenumbers.PhoneNumberFormat.NATIONAL):
            text = phonenumbers.format_number(number, style)
            short, long = parse_phones(text, region), parse_phones(f"Tel: {text}", region)
            if isinstance(short[0], Phone):
                assert [one.e164 for one in long if isinstance(one, Phone)] == [short[0].e164], text
