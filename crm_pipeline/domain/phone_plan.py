"""What the world's numbering plans say about a row of digits. Texts and their dirt are `phone_text`'s matter.

The plans are phonenumbers' (libphonenumber's metadata). "Possible" never counts: only valid numbers are numbers.
"""

from __future__ import annotations

import re

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumber, PhoneNumberType, ValidationResult
from phonenumbers.phonenumberutil import region_code_for_number
from phonenumbers.shortnumberinfo import is_valid_short_number_for_region

from crm_pipeline.domain.phone_rules import NANPA_REGIONS, PlanNumber, read_plain

KINDS: dict[int, str] = {
    PhoneNumberType.MOBILE: "mobile",
    PhoneNumberType.FIXED_LINE_OR_MOBILE: "fixed_or_mobile",
    PhoneNumberType.FIXED_LINE: "fixed",
    PhoneNumberType.TOLL_FREE: "toll_free",
    PhoneNumberType.VOIP: "voip",
    PhoneNumberType.PERSONAL_NUMBER: "personal",
    PhoneNumberType.PREMIUM_RATE: "premium_rate",
    PhoneNumberType.SHARED_COST: "shared_cost",
    PhoneNumberType.PAGER: "pager",
    PhoneNumberType.UAN: "company_access",
    PhoneNumberType.VOICEMAIL: "voicemail",
}
_PARSE_REASONS: dict[int, str] = {
    NumberParseException.INVALID_COUNTRY_CODE: "phone_unknown_country",
    NumberParseException.NOT_A_NUMBER: "phone_too_short",  # only digits come here, so it means fewer than two
    NumberParseException.TOO_SHORT_AFTER_IDD: "phone_too_short",
    NumberParseException.TOO_SHORT_NSN: "phone_too_short",
    NumberParseException.TOO_LONG: "phone_too_long",
}
_LENGTH_REASONS: dict[int, str] = {
    ValidationResult.TOO_SHORT: "phone_too_short",
    ValidationResult.TOO_LONG: "phone_too_long",
    ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "phone_no_area_code",
}
_LONGEST_SHORT_CODE = 6
_SHORTEST_WITHOUT_PLUS = 11
"""Digits from which a number too long for its region may be a foreign one whose plus sign got lost."""
_SHORTEST_WITH_011 = 13
_SHORTEST_WITH_OWN_CODE = 12
"""National numbers have at most eleven digits nearly everywhere, whatever a plan's metadata lets pass."""
# Mexico gave up its mobile 1 (+52 1) and its trunk prefixes 01, 044, 045 in 2019: the ten digits behind them stayed.
_MX_OLD_INTERNATIONAL = re.compile(r"(?:1|0?1|0?44|0?45)(\d{10})")
_MX_OLD_NATIONAL = re.compile(r"(?:01|044|045)(\d{10})")
# Brazil put a 9 before every mobile of eight digits (2012 to 2016): two digits of area, then a first digit 6 to 9.
_BR_OLD_MOBILE = re.compile(r"(\d\d)([6-9]\d{7})")


def is_region(region: str) -> bool:
    """Whether national numbers of the region (ISO 3166 alpha-2, upper case) can be read."""
    return region in phonenumbers.SUPPORTED_REGIONS


def read_digits(digits: str, region: str | None, groups: tuple[str, ...] = ()) -> PlanNumber | str:
    """The one number that `digits` (`+` first if it was written) dials from `region`, or why there is none.

    `groups` are the digits as they were grouped by the writer; they can tell a calling code from an area code.
    """
    number = _read(digits, region)
    if isinstance(number, PlanNumber):
        return _with_own_code(number, digits, region)
    if number == "phone_short_code" and len(groups) > 1:
        return "phone_too_short"
    readings = [_read(text, region) for text in _respelled(digits, region, groups)]
    repaired = {reading for reading in readings if isinstance(reading, PlanNumber)}
    return repaired.pop() if len(repaired) == 1 else number


def _with_own_code(number: PlanNumber, digits: str, region: str | None) -> PlanNumber | str:
    """`49 151 12345678` in Germany is no national number without its 0, though the plan's lengths allow it."""
    code = str(number.country_code)
    if digits[0] in "+0" or number.national != digits or not digits.startswith(code):
        return number
    foreign = _read("+" + digits, None)
    if isinstance(foreign, str) or phonenumbers.ndd_prefix_for_region(region or "", True) != "0":
        return number
    return foreign if len(digits) >= _SHORTEST_WITH_OWN_CODE else "phone_unclear"


def _respelled(digits: str, region: str | None, groups: tuple[str, ...]) -> list[str]:
    """Other spellings of the same digits, for a number that is none as written. They count only if they agree."""
    if digits.startswith("00"):
        return ["+" + digits.lstrip("0")]
    if digits.startswith("+00"):
        return ["+" + digits[1:].lstrip("0")]
    if digits.startswith("+"):
        return []
    if digits.startswith("011"):
        return ["+" + digits[3:]] if len(digits) >= _SHORTEST_WITH_011 else []
    if digits.startswith("0") or len(digits) < _SHORTEST_WITHOUT_PLUS or _may_be_a_slip(digits, region, groups):
        return []
    old_mexican = region == "MX" and len(digits) == 11 and digits[0] == "1"
    return ["+" + digits, *(["+52" + digits[1:]] if old_mexican else [])]


def _may_be_a_slip(digits: str, region: str | None, groups: tuple[str, ...]) -> bool:
    """Whether digits too many for the region are rather a national number with one typed too often.

    `41555526711` is no Swiss number in San Francisco. Where a trunk 0 comes first, one without it is foreign anyway.
    """
    if region is None:
        return True
    if len(groups) > 1 and len(groups[0]) == len(groups[1]) == 3 and len(groups[-1]) >= 4 and region in NANPA_REGIONS:
        return True
    if phonenumbers.ndd_prefix_for_region(region, True) == "0":
        return False
    if digits.startswith("1") and region in NANPA_REGIONS:
        return True
    return any(isinstance(_read(slip, region), PlanNumber) for slip in (digits[:-1], digits[1:]))


def _read(digits: str, region: str | None) -> PlanNumber | str:
    if (plain := read_plain(digits, region or "")) is not None:
        return plain
    try:
        number = phonenumbers.parse(digits, region)
    except NumberParseException as refusal:
        if refusal.error_type == NumberParseException.INVALID_COUNTRY_CODE and region is None and digits[:1] != "+":
            return "phone_no_country"
        return _PARSE_REASONS[refusal.error_type]
    found = _look_up(number) or _renumbered(number, is_national=digits[:1] != "+")
    return found or _refusal(number, digits, region)


def _look_up(number: PhoneNumber) -> PlanNumber | None:
    """Valid is the same as having a type; asking once for both halves the work."""
    kind = phonenumbers.number_type(number)
    if kind == PhoneNumberType.UNKNOWN:
        return None
    region = region_code_for_number(number)
    national = phonenumbers.national_significant_number(number)
    return PlanNumber(number.country_code or 0, national, None if region == "001" else region, KINDS[kind])


def _renumbered(number: PhoneNumber, *, is_national: bool) -> PlanNumber | None:
    """The number after a renumbering that changed no subscriber: Mexico's dropped prefixes, Brazil's ninth digit."""
    national = phonenumbers.national_significant_number(number)
    if number.country_code == 52:
        old = (_MX_OLD_NATIONAL if is_national else _MX_OLD_INTERNATIONAL).fullmatch(national)
        return _look_up(PhoneNumber(country_code=52, national_number=int(old[1]))) if old else None
    if number.country_code == 55 and (old := _BR_OLD_MOBILE.fullmatch(national)):
        return _look_up(PhoneNumber(country_code=55, national_number=int(f"{old[1]}9{old[2]}")))
    return None


def _refusal(number: PhoneNumber, digits: str, region: str | None) -> str:
    if region and len(digits) <= _LONGEST_SHORT_CODE and is_valid_short_number_for_region(number, region):
        return "phone_short_code"
    length = phonenumbers.is_possible_number_with_reason(_without_trunk(number))
    if length == ValidationResult.INVALID_LENGTH:
        return "phone_too_short"
    return _LENGTH_REASONS.get(length, "phone_invalid")


def _without_trunk(number: PhoneNumber) -> PhoneNumber:
    """The digits to count: phonenumbers leaves a trunk 0 in place if too few would remain (French `06 12 34 56`)."""
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    if not number.italian_leading_zero or phonenumbers.ndd_prefix_for_region(region, True) != "0":
        return number
    return PhoneNumber(country_code=number.country_code, national_number=number.national_number)
