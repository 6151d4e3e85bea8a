"""`POST /contacts/search`: which bodies it takes, what they mean, how it pages.

The body is described on the vendor's page "Search Contacts Advanced", linked from its specification:
https://github.com/GoHighLevel/highlevel-api-docs
"""

from __future__ import annotations

import heapq
import operator
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from crm_pipeline.sandbox.gohighlevel.location import LIST_KEYS, TEXT_KEYS, HighLevelLocation
from crm_pipeline.sandbox.gohighlevel.refusals import OTHER_LOCATION, Refused, unknown_keys
from crm_pipeline.sandbox.shelf import Key, Row

MOST_PER_PAGE, MOST_BY_PAGE, MOST_SORTS = 500, 10_000, 2
KEYS = frozenset({"locationId", "pageLimit", "page", "searchAfter", "sort", "filters", "query"})
DATES = frozenset({"dateAdded", "dateUpdated"})
SORTABLE = DATES | {"firstNameLowerCase", "lastNameLowerCase", "businessName", "email", "dnd", "source"}
FIELDS = DATES | {"id", "firstNameLowerCase", "lastNameLowerCase", *TEXT_KEYS, "tags"}
OPERATORS = frozenset({"eq", "not_eq", "contains", "not_contains", "exists", "not_exists", "range"})
COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le,
}  # fmt: skip

Test = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Search:
    """A body that passed every check."""

    limit: int
    page: int
    after: Any
    sort: tuple[str, bool]
    """Field, and whether it is descending."""
    filters: tuple[Mapping[str, Any], ...]


def read_search(location: HighLevelLocation, body: Mapping[str, Any]) -> Search:
    """Check a body as strictly as HighLevel does."""
    _check_shape(body)
    if body["locationId"] != location.location_id:
        raise Refused(403, OTHER_LOCATION)
    if body.get("query"):
        raise Refused(501, "This sandbox does not serve query")
    limit, page, after = body["pageLimit"], body.get("page", 1), body.get("searchAfter")
    if after is not None and "page" in body:
        raise Refused(400, "page and searchAfter cannot be used together")
    if page * limit > MOST_BY_PAGE:
        raise Refused(400, f"page * pageLimit cannot exceed {MOST_BY_PAGE}, use searchAfter instead")
    filters = body.get("filters", [])
    for item in filters:
        _check_filter(item)
    return Search(limit, page, after, _sort(body.get("sort", [])), tuple(filters))


def run_search(location: HighLevelLocation, search: Search) -> bytes:
    """The answer, written."""
    total, rows = _by_change(location, search) or _by_creation(location, search) or _by_test(location, search)
    items = [location.written(row) for row in rows]
    if search.sort[0] != "dateUpdated":
        keys = [_sort_value(search.sort[0], row) for row in rows]
        items = [
            orjson.dumps(location.as_object(row) | {"searchAfter": [key, row.id]})
            for row, key in zip(rows, keys, strict=True)
        ]
    tail = b'],"total":%d,"traceId":"%b"}' % (total, str(uuid.uuid4()).encode())
    return b'{"contacts":[' + b",".join(items) + tail


def _check_shape(body: Mapping[str, Any]) -> None:
    """Everything that is refused with a list of complaints."""
    wrong = unknown_keys(body, KEYS)
    if not isinstance(body.get("locationId"), str) or not body["locationId"]:
        wrong += ["locationId should not be empty", "locationId must be a string"]
    if not _whole(body.get("pageLimit")):
        wrong += ["pageLimit should not be empty", "pageLimit must be a number"]
    elif not 1 <= body["pageLimit"] <= MOST_PER_PAGE:
        wrong.append(f"pageLimit must be between 1 and {MOST_PER_PAGE}")
    if "page" in body and (not _whole(body["page"]) or body["page"] < 1):
        wrong.append("page must not be less than 1")
    wrong += [f"{name} must be an array" for name in ("sort", "filters") if not isinstance(body.get(name, []), list)]
    after = body.get("searchAfter")
    if "searchAfter" in body and not (isinstance(after, list) and len(after) == 2 and isinstance(after[1], str)):
        wrong.append("searchAfter must be an array of a sort value and an id")
    if wrong:
        raise Refused(422, wrong)


def _sort(sorts: list[Any]) -> tuple[str, bool]:
    if not sorts:
        return "dateAdded", True
    if len(sorts) > MOST_SORTS:
        raise Refused(422, [f"sort must contain no more than {MOST_SORTS} elements"])
    for item in sorts:
        if not isinstance(item, dict) or item.keys() != {"field", "direction"}:
            raise Refused(422, ["each value in sort must have field and direction"])
        if item["field"] not in SORTABLE:
            raise Refused(400, f"Invalid field {item['field']}")
        if item["direction"] not in ("asc", "desc"):
            raise Refused(422, ["direction must be one of the following values: asc, desc"])
    if len(sorts) > 1:
        raise Refused(501, "This sandbox sorts by one field only")
    return str(sorts[0]["field"]), sorts[0]["direction"] == "desc"


def _check_filter(item: Any) -> None:
    if not isinstance(item, dict):
        raise Refused(422, ["each value in filters must be an object"])
    if "group" in item:
        if item.keys() != {"group", "filters"} or item["group"] not in ("AND", "OR"):
            raise Refused(422, ["a group has group (AND or OR) and filters"])
        for part in item["filters"]:
            _check_filter(part)
        return
    wrong = unknown_keys(item, frozenset({"field", "operator", "value"}))
    if wrong:
        raise Refused(422, wrong)
    name, how, value = item.get("field"), item.get("operator"), item.get("value")
    if name == "opportunities":
        raise Refused(501, "This sandbox does not serve filters on opportunities")
    if not isinstance(name, str) or not (name in FIELDS or name.startswith("customFields.")):
        raise Refused(400, f"Invalid field {name}")
    if how not in OPERATORS:
        raise Refused(400, f"Invalid operator {how} for field {name}")
    if name in DATES and how not in ("range", "exists", "not_exists"):
        raise Refused(400, f"Invalid operator {how} for field {name}")
    if how == "range":
        if name not in DATES:
            raise Refused(400, f"Invalid operator range for field {name}")
        if not isinstance(value, dict) or not value or not value.keys() <= COMPARISONS.keys():
            raise Refused(400, f"Invalid value for field {name}")
        for bound in value.values():
            _moment(bound)


def _by_change(location: HighLevelLocation, search: Search) -> tuple[int, list[Row]] | None:
    """The search that syncing asks for, from the order that is kept; None for any other."""
    if search.sort != ("dateUpdated", False) or len(search.filters) > 1:
        return None
    since = until = None
    if search.filters:
        item = search.filters[0]
        if item.get("field") != "dateUpdated" or item.get("operator") != "range":
            return None
        bounds = {name: _moment(bound) for name, bound in item["value"].items()}
        since = max(bounds.get("gte", 1), bounds.get("gt", 0) + 1)
        ends = [bounds[name] + (name == "lte") for name in ("lt", "lte") if name in bounds]
        until = min(ends) if ends else None
    after: Key | None = None
    if search.after is not None:
        after = _position(search)
    total = len(location.shelf.changed(since=since, until=until))
    skipped = (search.page - 1) * search.limit
    rows = location.shelf.changed(since=since, until=until, after=after, limit=skipped + search.limit)
    return total, rows[skipped:]


def _by_creation(location: HighLevelLocation, search: Search) -> tuple[int, list[Row]] | None:
    """Everybody by the day of creation, which syncing asks for too; sorting them all for every page would take long."""
    if search.sort != ("dateAdded", False) or search.filters or search.page > 1:
        return None
    rows, after = location.shelf.by_id(), (0, "") if search.after is None else _position(search)
    behind = ((row.created_ms, row.id, row) for row in rows if (row.created_ms, row.id) > after)
    return len(rows), [row for _, _, row in heapq.nsmallest(search.limit, behind)]


def _by_test(location: HighLevelLocation, search: Search) -> tuple[int, list[Row]]:
    """Any search, by looking at every contact."""
    name, descending = search.sort
    tests = [_test(item) for item in search.filters]
    found = [row for row in location.shelf.changed() if all(test(row) for test in tests)]
    found.sort(key=lambda row: (_sort_value(name, row), row.id), reverse=descending)
    total = len(found)
    if search.after is not None:
        position = _position(search)
        beyond = operator.lt if descending else operator.gt
        found = [row for row in found if beyond((_sort_value(name, row), row.id), position)]
        search = replace(search, page=1)
    start = (search.page - 1) * search.limit
    return total, found[start : start + search.limit]


def _position(search: Search) -> tuple[Any, str]:
    value, crm_id = search.after
    wanted = int if search.sort[0] in DATES else bool if search.sort[0] == "dnd" else str
    if type(value) is not wanted:
        raise Refused(400, "Invalid searchAfter")
    return value, crm_id


def _sort_value(name: str, row: Row) -> Any:
    if name == "dateUpdated":
        return row.updated_ms
    if name == "dateAdded":
        return row.created_ms
    if name == "dnd":
        return bool(row.values.get("dnd"))
    return str(_value(name, row) or "").lower()


def _value(name: str, row: Row) -> Any:
    """What a filter looks at; None when the contact has nothing there."""
    if name == "id":
        return row.id
    if name in DATES:
        return (row.updated_ms if name == "dateUpdated" else row.created_ms) or None
    if name.startswith("customFields."):
        wanted = name.removeprefix("customFields.")
        return next((one["value"] for one in row.values.get("customFields", ()) if one["id"] == wanted), None)
    if name.endswith("LowerCase"):
        return (row.values.get(name.removesuffix("LowerCase")) or "").lower() or None
    return row.values.get(name) or None


def _test(item: Mapping[str, Any]) -> Test:
    if "group" in item:
        parts, decide = [_test(part) for part in item["filters"]], all if item["group"] == "AND" else any
        return lambda row: decide(part(row) for part in parts)
    name, how, wanted = item["field"], item["operator"], item.get("value")
    if how in ("exists", "not_exists"):
        return lambda row: (_value(name, row) is not None) is (how == "exists")
    if how == "range":
        bounds = [(COMPARISONS[key], _moment(bound)) for key, bound in wanted.items()]  # type: ignore[union-attr]
        return lambda row: (found := _value(name, row)) is not None and all(test(found, end) for test, end in bounds)
    inside = not how.startswith("not_")
    whole = how.endswith("eq") and name not in LIST_KEYS
    text = str(wanted).lower()

    def passes(row: Row) -> bool:
        found = _value(name, row)
        texts = [str(part).lower() for part in (found if isinstance(found, list) else [found or ""])]
        return any(text == one if whole else text in one for one in texts) is inside

    return passes


def _moment(bound: Any) -> int:
    """Milliseconds since 1970 of an ISO text or of milliseconds."""
    if _whole(bound):
        return int(bound)
    try:
        moment = datetime.fromisoformat(bound)
    except (ValueError, TypeError):
        raise Refused(400, f"Invalid date {bound}") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
