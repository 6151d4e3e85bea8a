"""A strict reader for the SOQL that a pipeline needs: SELECT fields or COUNT(), WHERE, ORDER BY, LIMIT.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql.htm
Everything else of the language is refused as not served here, so that nobody takes a guess for Salesforce.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

TOKEN = re.compile(
    r"\s*(?:(?P<text>'(?:[^'\\]|\\.)*')|(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d))"
    r"|(?P<date>\d{4}-\d\d-\d\d)|(?P<number>-?\d+(?:\.\d+)?)|(?P<name>[A-Za-z][\w.]*)|(?P<sign>!=|<=|>=|[<>=(),]))"
)
OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda a, b: bool(a == b), "!=": lambda a, b: bool(a != b),
    "<": lambda a, b: a is not None and bool(a < b), "<=": lambda a, b: a is not None and bool(a <= b),
    ">": lambda a, b: a is not None and bool(a > b), ">=": lambda a, b: a is not None and bool(a >= b),
}  # fmt: skip
UNSERVED = frozenset({"GROUP", "HAVING", "OFFSET", "FOR", "USING", "WITH", "ALL", "IN", "NOT", "LIKE", "INCLUDES"})
LONGEST = 100_000


class BadQuery(Exception):
    """A query Salesforce refuses: its error code and words."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class NotServed(Exception):
    """Something Salesforce can do and this sandbox cannot."""


@dataclass(frozen=True, slots=True)
class Test:
    """`field operator value`; moments are milliseconds since 1970."""

    field: str
    operator: str
    value: Any
    kind: str
    """How the value was written: text, time, date, number or word."""


@dataclass(frozen=True, slots=True)
class Group:
    """Conditions joined by one word, `AND` or `OR`."""

    word: str
    parts: tuple[Condition, ...]


Condition = Test | Group


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it was written, not yet compared with any object."""

    fields: tuple[str, ...]
    is_count: bool
    kind: str
    where: Condition | None
    order: tuple[tuple[str, bool], ...]
    """Field, and whether it falls."""
    limit: int | None


def read_query(text: str) -> Query:
    """The query in a text."""
    if len(text) > LONGEST:
        raise BadQuery("MALFORMED_QUERY", "SOQL statements cannot be longer than 100,000 characters.")
    return _Reader(text).query()


def every_test(condition: Condition | None) -> Iterator[Test]:
    """All comparisons in a condition."""
    if isinstance(condition, Test):
        yield condition
    elif condition is not None:
        for part in condition.parts:
            yield from every_test(part)


class _Reader:
    """Tokens from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        place, text = 0, text.rstrip()
        while place < len(text):
            found = TOKEN.match(text, place)
            if found is None:
                raise BadQuery("MALFORMED_QUERY", f"unexpected token: {text[place : place + 10].strip()!r}")
            self._tokens.append((str(found.lastgroup), found[str(found.lastgroup)]))
            place = found.end()
        self._next = 0

    def query(self) -> Query:
        self._need("SELECT")
        fields, is_count = self._fields()
        self._need("FROM")
        kind = self._name()
        where = self._either() if self._take("WHERE") else None
        order = self._order() if self._take("ORDER") else ()
        limit = self._limit() if self._take("LIMIT") else None
        if self._next < len(self._tokens):
            self._refuse()
        return Query(fields, is_count, kind, where, order, limit)

    def _fields(self) -> tuple[tuple[str, ...], bool]:
        names = [self._name()]
        if names[0].upper() == "COUNT" and self._take("("):
            self._need(")")
            return (), True
        while self._take(","):
            names.append(self._name())
        if self._peek() == "(":
            raise NotServed(f"the function {names[-1]}")
        twice = next((name for name in names if names.count(name) > 1), None) if len(set(names)) < len(names) else None
        if twice:
            raise BadQuery("INVALID_FIELD", f"duplicate field selected: {twice}")
        return tuple(names), False

    def _either(self) -> Condition:
        """Conditions joined by one word only: Salesforce wants brackets where AND meets OR."""
        parts, word = [self._one()], ""
        while self._peek() in ("AND", "OR"):
            if word and self._peek() != word:
                self._refuse()
            word = self._peek()
            self._next += 1
            parts.append(self._one())
        return Group(word, tuple(parts)) if word else parts[0]

    def _one(self) -> Condition:
        if self._take("("):
            inside = self._either()
            self._need(")")
            return inside
        field, operator = self._name(), self._peek()
        if operator not in OPERATORS:
            self._refuse()
        self._next += 1
        kind, text = self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")
        self._next += 1
        match kind:
            case "text":
                return Test(field, operator, re.sub(r"\\(.)", r"\1", text[1:-1]), kind)
            case "time":
                return Test(field, operator, _milliseconds(text), kind)
            case "date" | "number":
                return Test(field, operator, text if kind == "date" else float(text), kind)
            case "name" if text.lower() in ("true", "false", "null"):
                return Test(field, operator, {"true": True, "false": False}.get(text.lower()), "word")
        self._next -= 1
        self._refuse()
        raise AssertionError

    def _order(self) -> tuple[tuple[str, bool], ...]:
        self._need("BY")
        items: list[tuple[str, bool]] = []
        while not items or self._take(","):
            name = self._name()
            falls = self._take("DESC")
            if not falls:
                self._take("ASC")
            items.append((name, falls))
        return tuple(items)

    def _limit(self) -> int:
        kind, text = self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")
        if kind != "number" or not text.isdigit():
            self._refuse()
        self._next += 1
        return int(text)

    def _peek(self) -> str:
        if self._next >= len(self._tokens):
            return ""
        kind, text = self._tokens[self._next]
        return text.upper() if kind == "name" else text if kind == "sign" else ""

    def _take(self, word: str) -> bool:
        found = self._peek() == word
        self._next += found
        return found

    def _need(self, word: str) -> None:
        if not self._take(word):
            self._refuse()

    def _name(self) -> str:
        kind, text = self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")
        if kind != "name":
            self._refuse()
        self._next += 1
        return text

    def _refuse(self) -> None:
        if self._peek() in UNSERVED:
            raise NotServed(f"{self._peek()} in a query")
        found = self._tokens[self._next][1] if self._next < len(self._tokens) else "<EOF>"
        raise BadQuery("MALFORMED_QUERY", f"unexpected token: '{found}'")


def _milliseconds(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)
