"""Rows kept as JSON objects, on their way back into their table: which columns they fill."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator


def by_columns(objects: Iterable[str], known: Collection[str]) -> Iterator[tuple[list[str], list[str]]]:
    """Objects that fill the same columns together, each group with the names; a column that is gone is left out.

    DuckDB writes a number that is none as `NaN`, which is no JSON, and which orjson refuses.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for text in objects:
        keys = json.loads(text).keys()
        groups.setdefault(tuple(name for name in known if name in keys), []).append(text)
    for names, texts in groups.items():
        yield list(names), texts
