"""What providers do alike with an answer: check its list, halve a page that is too large, read a text, tell what is
missing. Knows no CRM.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from crm_pipeline.errors import ProviderError
from crm_pipeline.providers.provider import Payload, Pull


def items_in(answer: Mapping[str, Any], key: str, title: str, *required: str) -> list[Payload]:
    """The objects of a page; anything else in it is no answer to what we asked."""
    items = answer.get(key)
    if isinstance(items, list) and all(isinstance(item, dict) and item.keys() >= set(required) for item in items):
        return items
    wanted = f" with {', '.join(required)}" if required else ""
    raise ProviderError("unexpected_response", f"{title} answered `{key}` that is no list of objects{wanted}.")


def object_in(value: object, *path: str) -> Payload:
    """The object at the end of a path of keys; an empty one where there is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def text_of(value: object) -> str | None:
    """Text, or a number as text; absent, null and blank mean the same, and anything else is no text."""
    if type(value) is str:
        return value.strip() or None
    return None if value is None or type(value) not in (int, float) else str(value)


def whole_number(text: str | None) -> int | None:
    """What a header says, where it is a number."""
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def since_of(pull: Pull) -> datetime:
    """Where a window pass begins."""
    if pull.since is None:
        raise ValueError("a window pass needs `since`")
    return pull.since


def halved(limit: int, error: ProviderError) -> int:
    """How many records to ask for after a page that was too large to take: of very many fields, or very long texts."""
    if error.facts.get("body") != "too_large" or limit == 1:
        raise error
    return limit // 2


@contextmanager
def readable(notes: list[str], words: str) -> Iterator[None]:
    """Go on without what the connection may not read, and say so; any other error ends the pass."""
    try:
        yield
    except ProviderError as error:
        if error.code != "missing_scope":
            raise
        notes.append(f"{words} {error.message}")


def unknown_fields(title: str, mapping: Mapping[str, str], known: Collection[object]) -> list[str]:
    """Fields of the `field_mapping` that the CRM does not have: leads would be empty there without a word."""
    return [
        f"{title} has no field {name!r}, so leads carry no {field}. Check field_mapping."
        for field, name in mapping.items()
        if name not in known
    ]
