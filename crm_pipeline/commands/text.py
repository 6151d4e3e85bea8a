"""Words and cells: how times and CRM text are written for a person, a terminal or a spreadsheet. Pure functions."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]")
"""What a terminal obeys instead of showing: C0 and C1 controls, and the marks that turn the direction of a line."""
BLANK = re.compile("[\t\n\r\v\f\u2028\u2029]+")
KEPT_IN_CELLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
FORMULA_START = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
E164 = re.compile(r"\+[1-9][0-9]{6,14}")

UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


def safe(value: object) -> str:
    """CRM text for a terminal: one line, nothing in it that the terminal would obey; nothing for None."""
    return "" if value is None else CONTROL.sub("\ufffd", BLANK.sub(" ", str(value))).strip()


def cell(value: object) -> str:
    """A value for a spreadsheet: a text that would be run as a formula gets an apostrophe before it.

    An E.164 phone stays as it is: behind its plus are only digits, so nothing can run, and programs read the column.
    """
    if value is None:
        return ""
    if isinstance(value, datetime):
        return iso(value)
    text = KEPT_IN_CELLS.sub("", str(value))
    return f"'{text}" if text.startswith(FORMULA_START) and not E164.fullmatch(text) else text


def iso(moment: datetime) -> str:
    """ISO 8601 in UTC with `Z`."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, in the largest unit that fits: `12 minutes ago`."""
    if moment is None:
        return "never"
    seconds = (now - moment) / timedelta(seconds=1)
    for size, unit in UNITS:
        count = int(seconds // size)
        if count >= 1:
            return f"{count:,} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def counted(count: int, noun: str) -> str:
    """`1 contact`, `1,200 contacts`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
