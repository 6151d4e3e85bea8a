"""Running a query on an org: what may be asked, which rows match, how they are written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from crm_pipeline.sandbox.salesforce.org import SalesforceOrg, stamp
from crm_pipeline.sandbox.salesforce.schema import PARENTS, UNFILTERABLE
from crm_pipeline.sandbox.salesforce.soql import (
    OPERATORS,
    BadQuery,
    Condition,
    Group,
    NotServed,
    Query,
    Test,
    every_test,
)
from crm_pipeline.sandbox.shelf import Key, Row

Getter = Callable[[Row], Any]
BY_CHANGE, BY_ID = (("SystemModstamp", False), ("Id", False)), (("Id", False),)
WRITTEN_FORMS = 12
ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")
LITERALS = {"datetime": "time", "date": "date", "double": "number", "boolean": "word"}
"""How a value has to be written for a type; all others want text in quotes."""


@dataclass(frozen=True, slots=True)
class Found:
    """The rows of an answer, and how each is written."""

    rows: list[Row]
    write: Callable[[Row], bytes]


def run(org: SalesforceOrg, query: Query, *, with_deleted: bool) -> Found | int:
    """The rows, or for `COUNT()` their number."""
    kind = next((name for name in org.fields if name.lower() == query.kind.lower()), query.kind)
    if kind not in org.fields or kind in org.invisible:
        raise BadQuery("INVALID_TYPE", f"sObject type '{query.kind}' is not supported.")
    names = _Names(org, kind)
    for test in every_test(query.where):
        names.check(test)
    bounds = _bounds(query.where)
    if not with_deleted and "IsDeleted" in org.fields[kind]:
        bounds.rest.append(lambda row: row.deleted_ms is None)
    if query.is_count:
        if query.order:
            raise BadQuery("MALFORMED_QUERY", "ORDER BY is not allowed with COUNT()")
        return len(_rows(org, kind, query, bounds))
    fields = tuple(names.canonical(name) for name in query.fields)
    if org.most_fields is not None and len(fields) > org.most_fields:
        raise BadQuery(
            "QUERY_TOO_COMPLICATED",
            "Query is either selecting too many fields or the filter conditions are too complicated.",
        )
    is_scan = query.where is not None and (bounds.since, bounds.until, bounds.after) == (None, None, None)
    is_slow = org.slow_scan is not None and is_scan and len(org.shelves[kind].live) > org.slow_scan
    if is_slow or (org.slow_above is not None and (query.limit or 10**9) > org.slow_above):
        raise BadQuery("QUERY_TIMEOUT", "Your query request was running for too long.")
    return Found(_rows(org, kind, query, bounds), _writer(org, kind, fields))


class _Names:
    """Field names of one object, in any case, as the connected user may use them."""

    def __init__(self, org: SalesforceOrg, kind: str) -> None:
        self._org, self._kind = org, kind
        self._types = org.visible_fields(kind)
        self._known = {name.lower(): name for name in self._types}

    def canonical(self, name: str) -> str:
        """The name as answers have it."""
        parent, dot, rest = name.partition(".")
        if dot:
            names = {n.lower(): n for n in PARENTS.get(self._kind, {}).get(parent.title(), ())}
            found = f"{parent.title()}.{names[rest.lower()]}" if rest.lower() in names else None
            if f"{parent.title()}Id".lower() not in self._known:
                found = None
        else:
            found = self._known.get(name.lower())
        if found is None or f"{self._kind}.{found}" in self._org.unqueryable:
            text = (
                f"\nSELECT {name} FROM {self._kind}\n       ^\nERROR at Row:1:Column:8\nNo such column '{name}' on "
                f"entity '{self._kind}'. If you are attempting to use a custom field, be sure to append the '__c' "
                "after the custom field name. Please reference your WSDL or the describe call for the names."
            )
            raise BadQuery("INVALID_FIELD", text)
        return found

    def check(self, test: Test) -> None:
        """Whether a comparison makes sense."""
        name = self.canonical(test.field)
        if "." in name:
            raise NotServed("a filter on a parent's field")
        type_ = self._types[name]
        if type_ in UNFILTERABLE:
            raise BadQuery("INVALID_FIELD", f"field '{name}' can not be filtered in a query call")
        if test.kind == "word" and test.value is None:
            return
        if test.kind != LITERALS.get(type_, "text"):
            quotes = "should not" if type_ in LITERALS else "should"
            raise BadQuery(
                "INVALID_FIELD",
                f"value of filter criterion for field '{name}' must be of type {type_} and {quotes} be enclosed in "
                "quotes",
            )
        if type_ in ("id", "reference") and not ID.fullmatch(test.value):
            raise BadQuery("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {test.value}")


@dataclass(slots=True)
class _Bounds:
    """A condition as a stretch of the order of change, and what is left to test row by row."""

    since: int | None = None
    until: int | None = None
    after: Key | None = None
    rest: list[Callable[[Row], bool]] = field(default_factory=list)


def _bounds(where: Condition | None) -> _Bounds:
    bounds = _Bounds()
    parts = where.parts if isinstance(where, Group) and where.word == "AND" else (where,) if where else ()
    for part in parts:
        match part:
            case Test("SystemModstamp", ">=", int(moment)):
                bounds.since = max(moment, bounds.since or 0)
            case Test("SystemModstamp", "<" | "<=" as sign, int(moment)):
                end = moment + (sign == "<=")
                bounds.until = end if bounds.until is None else min(end, bounds.until)
            case Group("OR", (Test("SystemModstamp", ">", int(moment)), Test("Id", ">", str(number)))) if (
                moment == bounds.since and bounds.after is None
            ):
                bounds.after = moment, number
            case _:
                bounds.rest.append(_predicate(part))
    return bounds


def _predicate(condition: Condition) -> Callable[[Row], bool]:
    if isinstance(condition, Group):
        parts, join = [_predicate(part) for part in condition.parts], all if condition.word == "AND" else any
        return lambda row: join(part(row) for part in parts)
    get, compare, value = _comparable(condition.field), OPERATORS[condition.operator], condition.value
    return lambda row: compare(get(row), value)


def _comparable(name: str) -> Getter:
    """A field as it is compared: moments as milliseconds."""
    system: dict[str, Getter] = {
        "Id": lambda row: row.id, "SystemModstamp": lambda row: row.updated_ms,
        "LastModifiedDate": lambda row: row.updated_ms, "CreatedDate": lambda row: row.created_ms,
        "IsDeleted": lambda row: row.deleted_ms is not None, "MasterRecordId": lambda row: row.merged_into,
    }  # fmt: skip
    return system.get(name) or (lambda row: row.values.get(name))


def _rows(org: SalesforceOrg, kind: str, query: Query, bounds: _Bounds) -> list[Row]:
    shelf, rest = org.shelves[kind], bounds.rest
    if query.order in ((), BY_ID):
        # Without an order any may come; by id is as good as another.
        found = shelf.by_id()
        span: Sequence[Row] = found
        if (bounds.since, bounds.until, bounds.after) != (None, None, None):
            inside = {row.id for row in shelf.changed(since=bounds.since, until=bounds.until, after=bounds.after)}
            span = [row for row in found if row.id in inside]
    elif query.order == BY_CHANGE:
        limit = None if rest else query.limit
        span = shelf.changed(since=bounds.since, until=bounds.until, after=bounds.after, limit=limit)
    else:
        raise NotServed(f"ordering by {', '.join(name for name, _ in query.order)}")
    return list(_first(_matching(span, rest), query.limit))


def _matching(rows: Iterable[Row], tests: list[Callable[[Row], bool]]) -> Iterable[Row]:
    if not tests:
        return rows
    return (row for row in rows if all(test(row) for test in tests))


def _first(rows: Iterable[Row], limit: int | None) -> Iterator[Row]:
    for place, row in enumerate(rows):
        if place == limit:
            return
        yield row


def _writer(org: SalesforceOrg, kind: str, fields: tuple[str, ...]) -> Callable[[Row], bytes]:
    """How a row is written with these fields; kept at the row, since pages are asked for again and again."""
    plain = [(name, _getter(org, name)) for name in fields if "." not in name]
    parents = {name.partition(".")[0]: _parent(org, kind, name, fields) for name in fields if "." in name}
    key, url = (fields, org.names), f"/services/data/v62.0/sobjects/{kind}/"

    def write(row: Row) -> bytes:
        kept = row.written.get(key)
        if kept is None:
            value: dict[str, Any] = {"attributes": {"type": kind, "url": url + row.id}}
            for name, get in plain:
                value[name] = get(row)
            for name, get in parents.items():
                value[name] = get(row)
            if len(row.written) >= WRITTEN_FORMS:
                row.written.clear()
            # Copied, since orjson leaves each result at the head of a much larger block.
            kept = row.written[key] = bytes(memoryview(orjson.dumps(value)))
        return kept

    return write


def _getter(org: SalesforceOrg, name: str) -> Getter:
    system: dict[str, Getter] = {
        "Id": lambda row: row.id, "SystemModstamp": lambda row: stamp(row.updated_ms),
        "LastModifiedDate": lambda row: stamp(row.updated_ms), "CreatedDate": lambda row: stamp(row.created_ms),
        "IsDeleted": lambda row: row.deleted_ms is not None, "MasterRecordId": lambda row: row.merged_into,
        "Name": _full_name, "IsConverted": lambda row: row.values.get("IsConverted", False),
    }  # fmt: skip
    if name in org.filled:
        filled = org.filled[name]
        return lambda row: filled.value(row.id)
    return system.get(name) or (lambda row: row.values.get(name))


def _full_name(row: Row) -> str | None:
    """Of a person built from its parts, read-only; others have one of their own."""
    if "Name" in row.values:
        return str(row.values["Name"])
    return " ".join(filter(None, (row.values.get("FirstName"), row.values.get("LastName")))) or None


def _parent(org: SalesforceOrg, kind: str, first: str, fields: tuple[str, ...]) -> Getter:
    """A parent with the fields asked of it; null when the lookup is empty."""
    parent = first.partition(".")[0]
    asked = [name.partition(".")[2] for name in fields if name.startswith(f"{parent}.")]
    find = org.account_row if parent == "Account" else org.owner

    def get(row: Row) -> dict[str, Any] | None:
        found = find(row.values.get(f"{parent}Id"))
        if found is None:
            return None
        is_user = found.id[:3] == "005"
        actual = "Account" if parent == "Account" else "User" if is_user else "Group"
        known = {**found.values, "Type": "User" if is_user else "Queue"}
        shown = "Name" if (kind, parent) == ("Lead", "Owner") else actual
        attributes = {"type": shown, "url": f"/services/data/v62.0/sobjects/{actual}/{found.id}"}
        return {"attributes": attributes, **{name: known.get(name) for name in asked}}

    return get
