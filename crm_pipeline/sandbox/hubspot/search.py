"""HubSpot's CRM search over contacts and companies: which filters it takes, what they mean, where it stops.

https://developers.hubspot.com/docs/api-reference/search/guide
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from crm_pipeline.sandbox.hubspot.index import SearchIndex
from crm_pipeline.sandbox.hubspot.records import Record

MOST_GROUPS, MOST_FILTERS, MOST_IN_ALL = 5, 6, 18
MOST_RESULTS, MOST_LIMIT, DEFAULT_LIMIT, LONGEST_QUERY = 10_000, 200, 10, 3000
KEYS = frozenset({"filterGroups", "filters", "sorts", "properties", "limit", "after", "query"})
COMPARISONS = frozenset({"EQ", "NEQ", "LT", "LTE", "GT", "GTE"})
OPERATORS = COMPARISONS | {
    "BETWEEN", "IN", "NOT_IN", "HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN",
}  # fmt: skip
DATE_ONLY = re.compile(r"\d{4}-\d{2}-\d{2}")
WHOLE, DECIMAL = re.compile(r"-?[0-9]{1,19}"), re.compile(r"-?[0-9]{1,19}\.[0-9]{1,19}")
TOKEN = re.compile(r"[\w*]+")

Test = Callable[[Record], bool]


class BadSearch(Exception):
    """What HubSpot refuses with 400 VALIDATION_ERROR."""


class SearchBroke(Exception):
    """What HubSpot answers with 500."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search body that passed every check."""

    groups: tuple[tuple[Mapping[str, Any], ...], ...]
    sort: tuple[str, bool] | None
    properties: tuple[str, ...] | None
    limit: int
    offset: int
    query: str


def read_search(index: SearchIndex, body: Any) -> Search:
    """Check a body as strictly as HubSpot does."""
    if not isinstance(body, dict):
        raise BadSearch("Invalid input JSON: expected an object")
    unknown = sorted(set(body) - KEYS)
    if unknown:
        raise BadSearch(f'Invalid input JSON: unrecognized field "{unknown[0]}"')
    limit, query = body.get("limit", DEFAULT_LIMIT), body.get("query", "")
    if not isinstance(limit, int) or isinstance(limit, bool) or not 0 <= limit <= MOST_LIMIT:
        raise BadSearch(f"limit must be between 0 and {MOST_LIMIT}")
    if not isinstance(query, str) or len(query) > LONGEST_QUERY:
        raise BadSearch(f"query must be a string of at most {LONGEST_QUERY} characters")
    offset = _offset(body.get("after"))
    if offset + limit > MOST_RESULTS:
        raise BadSearch(f"Paging through search results is limited to {MOST_RESULTS} total results")
    properties = body.get("properties")
    if properties is not None and not _strings(properties):
        raise BadSearch("properties must be a list of strings")
    names = tuple(properties) if properties else None
    return Search(_groups(index, body), _sort(index, body.get("sorts")), names, limit, offset, query)


def run_search(index: SearchIndex, search: Search, memory: SearchMemory) -> tuple[int, list[Record]]:
    """The number of matches, and the page asked for."""
    found = _matches(index, search, memory)
    if search.sort is not None and search.sort[0] != "hs_object_id":
        name, descending = search.sort
        found = sorted(found, key=lambda record: _sort_key(index, record, name), reverse=descending)
    elif search.sort is not None and search.sort[1]:
        found = found[::-1]
    return len(found), found[search.offset : search.offset + search.limit]


class SearchMemory:
    """The matches of the latest searches, so that paging by id does not test every record for every page."""

    def __init__(self) -> None:
        self._kept: dict[Any, tuple[int, list[Record], list[int]]] = {}

    def matches(self, index: SearchIndex, key: Any, tests: list[list[Test]]) -> tuple[list[Record], list[int]]:
        """Records that pass every test of any group, by rising id."""
        held = index.searchable()
        kept = self._kept.get(key)
        if kept is None or kept[0] != index.changes:
            found = [
                held[number] for number in sorted(held) if any(all(t(held[number]) for t in group) for group in tests)
            ]
            if len(self._kept) > 8:
                self._kept.clear()
            kept = self._kept[key] = index.changes, found, [record.id for record in found]
        return kept[1], kept[2]


def _matches(index: SearchIndex, search: Search, memory: SearchMemory) -> list[Record]:
    """Ids are compared on the sorted list; everything else by a test of each record."""
    ranges: list[Mapping[str, Any]] = []
    groups = search.groups
    if len(groups) == 1:
        ranges = [
            item for item in groups[0] if item["propertyName"] == "hs_object_id" and item["operator"] in ("GT", "GTE")
        ]
        groups = (tuple(item for item in groups[0] if item not in ranges),)
    tests = [[_test(index, item) for item in group] for group in groups] or [[]]
    if search.query:
        tests = [[*group, _query_test(search.query)] for group in tests]
    key = repr((groups, search.query))
    found, ids = memory.matches(index, key, tests)
    start = 0
    for item in ranges:
        cut = bisect_right if item["operator"] == "GT" else bisect_left
        start = max(start, cut(ids, int(_number(item["value"]))))
    return found[start:] if start else found


def _groups(index: SearchIndex, body: Mapping[str, Any]) -> tuple[tuple[Mapping[str, Any], ...], ...]:
    groups = body.get("filterGroups") or ([{"filters": body["filters"]}] if body.get("filters") else [])
    if not isinstance(groups, list) or len(groups) > MOST_GROUPS:
        raise BadSearch(f"filterGroups must be a list of at most {MOST_GROUPS}")
    read = tuple(_group(index, group) for group in groups)
    if sum(map(len, read)) > MOST_IN_ALL:
        raise BadSearch(f"at most {MOST_IN_ALL} filters in all")
    return read


def _group(index: SearchIndex, group: Any) -> tuple[Mapping[str, Any], ...]:
    filters = group.get("filters") if isinstance(group, dict) else None
    if not isinstance(filters, list) or not 1 <= len(filters) <= MOST_FILTERS:
        raise BadSearch(f"a filter group needs 1 to {MOST_FILTERS} filters")
    for item in filters:
        _check_filter(index, item)
    return tuple(filters)


def _check_filter(index: SearchIndex, item: Any) -> None:
    if not isinstance(item, dict) or not set(item) <= {"propertyName", "operator", "value", "values", "highValue"}:
        raise BadSearch("Invalid input JSON: a filter has propertyName, operator, value, values, highValue")
    name, operator = item.get("propertyName"), item.get("operator")
    if not isinstance(name, str) or name not in index.types:
        raise BadSearch(f"There was a problem with the request: property {name!r} does not exist")
    if not isinstance(operator, str) or operator not in OPERATORS:
        raise BadSearch(f"operator {operator!r} is not one of {sorted(OPERATORS)}")
    if operator in ("IN", "NOT_IN"):
        if not _strings(item.get("values")) or not item["values"]:
            raise BadSearch(f"{operator} needs values")
        return
    needed = (
        ("value", "highValue") if operator == "BETWEEN" else () if operator.endswith("HAS_PROPERTY") else ("value",)
    )
    for key in needed:
        if not isinstance(item.get(key), str):
            raise BadSearch(f"{operator} on {name} needs {key} as a string")
        if index.types[name] == "datetime" and item[key] == "0":
            raise SearchBroke("internal error")  # reported of real portals: the beginning of time as a filter
        if operator in COMPARISONS or operator == "BETWEEN":
            _value(index.types[name], item[key])


def _sort(index: SearchIndex, sorts: Any) -> tuple[str, bool] | None:
    """Only one sort is honoured; HubSpot refuses more."""
    if not sorts:
        return None
    if not isinstance(sorts, list) or len(sorts) > 1:
        raise BadSearch("only one sort is allowed")
    first = sorts[0] if isinstance(sorts[0], dict) else {"propertyName": sorts[0], "direction": "ASCENDING"}
    name, direction = first.get("propertyName"), first.get("direction", "ASCENDING")
    if not isinstance(name, str) or name not in index.types or direction not in ("ASCENDING", "DESCENDING"):
        raise BadSearch(f"cannot sort by {first}")
    return name, direction == "DESCENDING"


def _offset(after: Any) -> int:
    if after in (None, ""):
        return 0
    text = str(after)
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise BadSearch(f"after must be an integer offset, not {text!r}")
    return int(text)


def _test(index: SearchIndex, item: Mapping[str, Any]) -> Test:
    """What one filter asks of a record; an empty property passes only NEQ, NOT_IN and the negative tests."""
    name, operator, kind = item["propertyName"], item["operator"], index.types[item["propertyName"]]
    if operator in ("HAS_PROPERTY", "NOT_HAS_PROPERTY"):
        wanted = operator == "HAS_PROPERTY"
        return lambda record: (name in record.properties) is wanted
    if name == index.dated and operator in ("GTE", "GT"):
        least = int(_value(kind, item["value"])) + (operator == "GT")
        return lambda record: record.updated_ms >= least
    check = _check(kind, operator, item)
    empty = operator in ("NEQ", "NOT_IN", "NOT_CONTAINS_TOKEN")

    def passes(record: Record) -> bool:
        text = record.properties.get(name)
        return empty if text is None else check(text)

    return passes


def _check(kind: str, operator: str, item: Mapping[str, Any]) -> Callable[[str], bool]:
    if operator in ("IN", "NOT_IN"):
        wanted, inside = set(item["values"]), operator == "IN"
        folds = kind == "string"
        return lambda text: ((text.lower() if folds else text) in wanted) is inside
    if operator.endswith("CONTAINS_TOKEN"):
        pattern, inside = _token_pattern(item["value"]), operator == "CONTAINS_TOKEN"
        return lambda text: bool(pattern.search(text)) is inside
    if operator == "BETWEEN":
        low, high = _value(kind, item["value"]), _value(kind, item["highValue"])
        return lambda text: low <= _value(kind, text) <= high
    bound = _value(kind, item["value"])
    return {
        "EQ": lambda text: _value(kind, text) == bound, "NEQ": lambda text: _value(kind, text) != bound,
        "LT": lambda text: _value(kind, text) < bound, "LTE": lambda text: _value(kind, text) <= bound,
        "GT": lambda text: _value(kind, text) > bound, "GTE": lambda text: _value(kind, text) >= bound,
    }[operator]  # fmt: skip


def _value(kind: str, text: str) -> Any:
    """Text as the property's type compares it."""
    if kind == "datetime":
        return _moment(text)
    if kind == "number":
        return _number(text)
    return text.lower() if kind == "string" else text


def _moment(text: str) -> float:
    """Milliseconds since 1970 of epoch milliseconds or ISO; a date alone is refused."""
    if WHOLE.fullmatch(text):
        return int(text)
    if DATE_ONLY.fullmatch(text):
        raise BadSearch(f"{text!r} is a date; datetime properties need milliseconds or a full datetime")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadSearch(f"{text!r} was not a valid long.") from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000


def _number(text: str) -> float:
    if WHOLE.fullmatch(text):
        return int(text)
    if not DECIMAL.fullmatch(text):
        raise BadSearch(f"{text!r} was not a valid number.")
    return float(text)


def _token_pattern(value: str) -> re.Pattern[str]:
    return re.compile(r"(?<!\w)" + re.escape(value).replace(r"\*", r"\w*") + r"(?!\w)", re.IGNORECASE)


def _query_test(query: str) -> Test:
    words = [word.lower() for word in TOKEN.findall(query)]
    looked_at = ("firstname", "lastname", "email", "phone", "company", "name", "domain")

    def passes(record: Record) -> bool:
        text = " ".join(record.properties.get(name, "") for name in looked_at).lower()
        return all(word in text for word in words)

    return passes


def _sort_key(index: SearchIndex, record: Record, name: str) -> tuple[bool, Any, int]:
    text = record.properties.get(name)
    return (text is None, "" if text is None else _value(index.types[name], text), record.id)


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
