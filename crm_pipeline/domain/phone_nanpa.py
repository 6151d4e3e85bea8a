"""The short way for +1 numbers in their usual spellings, a third to two thirds of a US customer's contacts."""

from __future__ import annotations

import re

from crm_pipeline.domain.phone_rules import NANPA_REGIONS, find_kind

_BODY = r"(?:\(([2-9]\d\d)\) ?|([2-9]\d\d)[ .-]?)([2-9]\d\d)[ .-]?(\d{4})(?: ?(?:x|ext\.?) ?(\d{1,6}))?"
_NATIONAL = re.compile(r"(?:\+?1[ .-]?)?" + _BODY, re.ASCII)
_INTERNATIONAL = re.compile(r"\+1[ .-]?" + _BODY, re.ASCII)


def read_nanpa(text: str, region: str | None) -> tuple[str, str | None, str, str | None] | None:
    """(ten digits, region, kind, extension) of a valid +1 number in a usual spelling, else None."""
    spelling = (_NATIONAL if region in NANPA_REGIONS else _INTERNATIONAL).fullmatch(text)
    if spelling is None:
        return None
    bracketed, plain, exchange, line, extension = spelling.groups()
    digits = (bracketed or plain) + exchange + line
    found = find_kind(1, digits)
    return (digits, *found, extension) if found else None
