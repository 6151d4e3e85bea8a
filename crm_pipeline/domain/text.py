"""Text made safe to store or to compare. Nothing here knows what a text means."""

from __future__ import annotations

import re

NUL = "\x00"
# Zero-width and direction marks: invisible, and pasted in from spreadsheets and phone apps.
_INVISIBLE = re.compile(
    "[\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)
# Joiners mean something after a letter of a script that joins, or inside an emoji; anywhere else they are dirt.
_LOOSE_JOINER = re.compile(
    "(?<![\u0590-\u10ff\u1780-\u18af\ufb50-\ufeff\ufe0f\u2600-\u27bf\U0001f000-\U0001faff])[\u200c\u200d]"
)
_TRAILING_JOINER = re.compile("[\u200c\u200d]+(?=\\s|$)")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def clean_text(text: str) -> str:
    """The same text, storable everywhere: surrogate pairs joined, lone ones U+FFFD, NUL removed."""
    if text.isascii():
        return text.replace(NUL, "")
    try:
        text.encode()
    except UnicodeEncodeError:
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.replace(NUL, "")


def visible_text(text: str) -> str:
    """One line of what a person would see: no invisible marks, controls and runs of white space as one space."""
    if text.isprintable():  # so it holds no control, no invisible mark and no white space but the plain one
        return " ".join(text.split()) if "  " in text or text[:1] == " " or text[-1:] == " " else text
    text = _INVISIBLE.sub("", _CONTROL.sub(" ", clean_text(text)))
    return " ".join(_TRAILING_JOINER.sub("", _LOOSE_JOINER.sub("", text)).split())
