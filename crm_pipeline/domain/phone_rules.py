"""The numbering plans as patterns, for digits that need no interpretation: whose number, and of what kind.

Built on first use from the metadata that phonenumbers ships, so no area code is known by heart here. It answers only
where phonenumbers would certainly answer the same; everything else goes the long way (`phone_plan`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Final

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata
from phonenumbers.phonemetadata import PhoneNumberDesc

NANPA_REGIONS: Final = frozenset(COUNTRY_CODE_TO_REGION_CODE[1])
"""The regions of +1."""

# The order of phonenumbers' own type test; a fixed pattern counts as mobile too where both patterns are one.
_SERVICES = (
    ("premium_rate", "premium_rate"),
    ("toll_free", "toll_free"),
    ("shared_cost", "shared_cost"),
    ("voip", "voip"),
    ("personal_number", "personal"),
    ("pager", "pager"),
    ("uan", "company_access"),
    ("voicemail", "voicemail"),
)


@dataclass(frozen=True, slots=True)
class PlanNumber:
    """A number that exists in its country's plan. `national` has no trunk prefix, but Italy's leading zero."""

    country_code: int
    national: str
    region: str | None
    """ISO 3166 alpha-2; None for satellites and other worldwide numbers."""
    kind: str


@dataclass(frozen=True, slots=True)
class _Plan:
    """One region's metadata, compiled. `kinds` names the kind of a whole national number by its last group."""

    code: int
    region: str | None
    leading: re.Pattern[str] | None
    kinds: re.Pattern[str]
    trunk: str | None
    """The trunk prefix, where it is plain digits without carriers or rewriting."""
    rewritten: re.Pattern[str] | None
    """What phonenumbers would take off, or rewrite, at the start of a national number."""
    dials_abroad: re.Pattern[str] | None
    lengths: frozenset[int]
    """Of whole national numbers; phonenumbers leaves the trunk prefix on what would be too short without it."""


def find_kind(code: int, national: str) -> tuple[str | None, str] | None:
    """(region, kind) of a national number without trunk prefix; None if there is no such number.

    phonenumbers takes the first region whose leading digits match, whether the number exists there or not.
    """
    for plan in _plans_of(code):
        if plan.leading is not None and not plan.leading.match(national):
            continue
        kind = plan.kinds.fullmatch(national)
        if kind is not None:
            return plan.region, kind.lastgroup or ""
        if plan.leading is not None:
            return None
    return None


def read_plain(digits: str, region: str) -> PlanNumber | None:
    """The number that `digits` (a `+` first if it was written) spells without any doubt, else None."""
    if digits[:1] == "+":
        code = calling_code(digits[1:4])
        plan = _plans_of(code)[0] if code else None
        national = digits[len(str(code)) + 1 :]
    else:
        plan = _plan(region) if region in SUPPORTED_REGIONS else None
        national = digits
        if plan is not None and plan.trunk and digits.startswith(plan.trunk):
            national = digits[len(plan.trunk) :]
        elif plan is not None and digits.startswith(str(plan.code)):
            return None
        if plan is not None and (
            len(national) not in plan.lengths or (plan.dials_abroad and plan.dials_abroad.match(digits))
        ):
            return None
    if plan is None or (plan.rewritten is not None and plan.rewritten.match(national)):
        return None
    found = find_kind(plan.code, national)
    return PlanNumber(plan.code, national, *found) if found else None


@cache
def calling_code(start: str) -> int | None:
    """The calling code that digits after a plus sign start with; three digits tell. None begins with 0."""
    sizes = range(1, len(start) + 1) if start[:1] != "0" else ()
    return next((int(start[:size]) for size in sizes if int(start[:size]) in COUNTRY_CODE_TO_REGION_CODE), None)


@cache
def _plans_of(code: int) -> tuple[_Plan, ...]:
    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    if regions == ("001",):
        return (_compiled(PhoneMetadata.metadata_for_nongeo_region(code), None),)
    return tuple(_plan(region) for region in regions)


@cache
def _plan(region: str) -> _Plan:
    return _compiled(PhoneMetadata.metadata_for_region(region), region)


def _compiled(metadata: PhoneMetadata | None, region: str | None) -> _Plan:
    if metadata is None:
        raise RuntimeError(f"phonenumbers ships no metadata for {region}")
    prefix, leading = metadata.national_prefix_for_parsing, metadata.leading_digits
    is_plain = prefix is not None and prefix.isdigit() and not metadata.national_prefix_transform_rule
    return _Plan(
        code=metadata.country_code or 0,
        region=region,
        leading=re.compile(leading) if leading else None,
        kinds=_kinds(metadata),
        trunk=prefix if is_plain else None,
        rewritten=re.compile(prefix) if prefix else None,
        dials_abroad=re.compile(metadata.international_prefix) if metadata.international_prefix else None,
        lengths=frozenset(metadata.general_desc.possible_length if metadata.general_desc else ()),
    )


def _kinds(metadata: PhoneMetadata) -> re.Pattern[str]:
    groups = [(kind, _pattern(getattr(metadata, name))) for name, kind in _SERVICES]
    fixed, mobile = _pattern(metadata.fixed_line), _pattern(metadata.mobile)
    if metadata.same_mobile_and_fixed_line_pattern:
        groups.append(("fixed_or_mobile", fixed))
    else:
        both = f"(?={mobile}$){fixed}" if fixed and mobile else ""
        groups += [("fixed_or_mobile", both), ("fixed", fixed), ("mobile", mobile)]
    kinds = "|".join(f"(?P<{kind}>{pattern})" for kind, pattern in groups if pattern)
    return re.compile(rf"(?={_pattern(metadata.general_desc)}$)(?:{kinds})", re.ASCII)


def _pattern(description: PhoneNumberDesc | None) -> str:
    """The pattern, with its lengths, as one group; empty where the region has no such numbers."""
    pattern = description.national_number_pattern if description else None
    if description is None or not pattern:
        return ""
    lengths = "|".join(f"\\d{{{length}}}" for length in description.possible_length if length > 0)
    return f"(?:(?=(?:{lengths})$)(?:{pattern}))" if lengths else f"(?:{pattern})"
