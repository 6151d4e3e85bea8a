"""Tables in metadata, in Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any


def markdown_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], width: int = 80) -> str:
    """A table whose cells are shown as the text they are, whatever a CRM put there."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(column), width) for column in columns) + " |" for row in rows]
    return "\n".join(lines) if rows else "None yet."


def _cell(value: object, width: int) -> str:
    text = "" if value is None else " ".join(str(value).split())[:width]
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!|~" else char for char in escaped)
