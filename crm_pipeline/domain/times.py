"""Times as CRMs write them, read as UTC. Whether a time is believable is judged elsewhere."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?", re.ASCII)
_ISO_DATE = re.compile(r"\d{4}-?\d\d-?\d\d(?:[T ]|$)", re.ASCII)
_ZONE = re.compile(r"\s*(?:UTC|GMT)$|\s+(?=[+-]\d\d:?\d\d$)", re.ASCII)
_HOUR_24 = re.compile(r"[T ]24", re.ASCII)
# Epochs below are seconds, from here on milliseconds: 10**11 is 1973 read as milliseconds and the year 5138 as seconds.
_FIRST_MILLISECONDS = 10**11
# Smaller numbers are flags, years or counters rather than moments (10**8 seconds: March 1973).
_FIRST_SECONDS = 10**8
_LAST_SECONDS = 253_402_300_800
"""The year 10000, beyond what `datetime` holds."""


def parse_time(value: object) -> datetime | None:
    """The moment in UTC, or None if it is no moment. Text without a zone is UTC; whole numbers are epoch ms or s."""
    if isinstance(value, datetime):
        return _as_utc(value)
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return _from_epoch(value)
    return _from_text(value.strip()) if isinstance(value, str) else None


def _from_text(text: str) -> datetime | None:
    if text[10:11] == "T" and text[11:13] != "24":  # what CRMs send nearly always
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            if moment.tzinfo is not None and text.isascii():
                return moment if moment.tzinfo is UTC else _as_utc(moment)
    if len(text) > 40 or not text.isascii():
        return None
    if not _ISO_DATE.match(text):
        return _from_epoch(float(text)) if _NUMBER.fullmatch(text) else None
    text = _ZONE.sub(lambda zone: "Z" if zone[0].strip() else "", text.upper())
    if _HOUR_24.search(text):  # Python 3.13 began to read it; every version must give the same answer.
        return None
    try:
        return _as_utc(datetime.fromisoformat(text))
    except ValueError:
        return None


def _as_utc(moment: datetime) -> datetime | None:
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None


def _from_epoch(number: float) -> datetime | None:
    if isinstance(number, float) and not math.isfinite(number):
        return None
    if number < _FIRST_SECONDS or number >= _LAST_SECONDS * 1000:
        return None
    seconds, thousandths = (int(number), 0) if number < _FIRST_MILLISECONDS else divmod(int(number), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=thousandths * 1000)
