"""Zoho's lists: a module's records by page token, its deleted records, its count, one record.

https://www.zoho.com/crm/developer/docs/api/v8/get-records.html
https://www.zoho.com/crm/developer/docs/api/v8/get-deleted-records.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from crm_pipeline.sandbox.exchange import Reply, Request, json_reply
from crm_pipeline.sandbox.shelf import Row
from crm_pipeline.sandbox.zoho.org import ZohoOrg, whole
from crm_pipeline.sandbox.zoho.records import CONTACTS, DAY_MS, LEADS, User, full_name, local_time
from crm_pipeline.sandbox.zoho.requests import (
    FIELD_LIMIT,
    LAST_PAGE,
    TOKEN_SECONDS,
    Refused,
    asked,
    bad_parameter,
    make_token,
    one_of,
    page_size,
    read_token,
    signature,
    since_ms,
    whole_number,
)

LISTED = frozenset({"fields", "per_page", "page", "page_token", "sort_by", "sort_order", "converted", "approved"})
NOT_SERVED = frozenset({"ids", "cvid", "territory_id", "include_child"})
BIN_MS, FORGOTTEN_MS = 60 * DAY_MS, 120 * DAY_MS
"""How long a record stays in the recycle bin, and how long a permanently deleted one is listed."""


@dataclass(frozen=True, slots=True)
class Order:
    """How a list is sorted, and which rows it shows."""

    sort_by: str
    descending: bool
    shows: Callable[[Row], bool] | None

    def key(self, row: Row) -> tuple[Any, ...]:
        """Where a row stands."""
        moment = {"id": 0, "Created_Time": row.created_ms, "Modified_Time": row.updated_ms}[self.sort_by]
        sign = -1 if self.descending else 1
        return sign * moment, sign * row.id


def list_records(org: ZohoOrg, request: Request, module: str) -> Reply:
    """`GET /crm/v8/{module}`."""
    query = asked(request, LISTED, NOT_SERVED)
    names, size, since = _fields(org, module, query), page_size(query), _since(org, request)
    order = _order(org, module, query)
    now, signed = org.now_ms() // 1000, signature(request, query)
    after, before, page = None, 0, whole_number(query, "page", 1, 1_000)
    if "page_token" in query:
        if "page" in query:
            raise Refused(400, "AMBIGUITY_DURING_PROCESSING", "page and page_token exclude each other")
        after, before = read_token(query["page_token"], signed, now)
        if before >= org.chain_rows:
            raise Refused(400, "PAGINATION_LIMIT_EXCEEDED", "the limit of a chain of tokens", limit=org.chain_rows)
    elif page > LAST_PAGE or page * size > max(org.page_rows, size):
        raise Refused(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "use page_token", limit=org.page_rows)
    if not org.shelves[module].changed(since=since, limit=1):
        return Reply(304) if since is not None else Reply(204)
    found = _found(org, module, order, since, after, (page - 1) * size, size + 1)
    rows, more = found[:size], len(found) > size
    if not rows:
        return Reply(304) if since is not None and after is None and page == 1 else Reply(204)
    token = make_token(signed, order.key(rows[-1]), before + len(rows), now) if more else None
    info = {
        "per_page": size, "count": len(rows), "page": page, "sort_by": order.sort_by,
        "sort_order": "desc" if order.descending else "asc", "more_records": more, "next_page_token": token,
        "previous_page_token": None,
        "page_token_expiry": local_time((now + TOKEN_SECONDS) * 1000) if token else None,
    }  # fmt: skip
    key = f"{org.shows_conversion} {query['fields']}"
    body = b",".join([org.written(module, row, names, key) for row in rows])
    return Reply(200, b'{"data":[' + body + b'],"info":' + json_reply(200, info).body + b"}")


def list_deleted(org: ZohoOrg, request: Request, module: str) -> Reply:
    """`GET /crm/v8/{module}/deleted`; the header is compared with the time of deletion."""
    query = asked(request, frozenset({"type", "page", "per_page"}))
    kind, size = one_of(query, "type", "all", "recycle", "permanent"), page_size(query)
    page, since = whole_number(query, "page", 1, 1_000), _since(org, request) or 0
    if page * size > max(org.page_rows, size):
        raise Refused(400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED", "the first rows only", limit=org.page_rows)
    gone = [(row, name) for row, name in _gone(org, module) if (row.deleted_ms or 0) >= since and kind in ("all", name)]
    gone.sort(key=lambda pair: (pair[0].deleted_ms, pair[0].id), reverse=org.is_feed_newest_first)
    start = (page - 1) * size
    return _paged([_tombstone(org, module, row, name) for row, name in gone[start : start + size]], "data", page, size,
                  more=start + size < len(gone))  # fmt: skip


def count_records(org: ZohoOrg, request: Request, module: str) -> Reply:
    """`GET /crm/v8/{module}/actions/count`: what the list shows by default."""
    asked(request, frozenset(), frozenset({"criteria", "cvid", "email", "phone", "word"}))
    shows = _order(org, module, {}).shows
    live = org.shelves[module].live.values()
    return json_reply(200, {"count": sum(map(shows, live)) if shows else len(live)})


def read_record(org: ZohoOrg, request: Request, module: str, record: str) -> Reply:
    """`GET /crm/v8/{module}/{id}`: one record with everything it has."""
    asked(request, frozenset(), frozenset({"fields", "converted", "approved"}))
    row = org.shelves[module].live.get(whole(record))
    if row is None:
        raise Refused(400, "INVALID_DATA", "the id given seems to be invalid", id=record)
    names = [*org.fields[module], "$converted", "$converted_detail", "$approval_state"]
    return json_reply(200, {"data": [org.as_object(module, row, names, alone=True)]})


def list_fields(org: ZohoOrg, request: Request) -> Reply:
    """`GET /crm/v8/settings/fields?module=`."""
    query = asked(request, frozenset({"module"}), frozenset({"type", "include"}))
    if "module" not in query:
        raise Refused(400, "REQUIRED_PARAM_MISSING", "module is needed", param_name="module")
    check_module(org, query["module"])
    fields = org.fields[query["module"]].values()
    return json_reply(200, {"fields": [field.as_object(number) for number, field in enumerate(fields)]})


def list_users(org: ZohoOrg, request: Request) -> Reply:
    """`GET /crm/v8/users`; `AllUsers` are those not deleted."""
    query = asked(request, frozenset({"type", "page", "per_page"}), frozenset({"ids"}))
    kind = one_of(query, "type", "AllUsers", "ActiveUsers", "DeactiveUsers", "DeletedUsers")
    size, page = page_size(query), whole_number(query, "page", 1, 10_000)
    wanted = {"ActiveUsers": ("active",), "DeactiveUsers": ("disabled",), "DeletedUsers": ("deleted",)}
    states = wanted.get(kind, ("active", "disabled"))
    found: list[User] = [user for user in org.users if user.status in states]
    start = (page - 1) * size
    return _paged([user.as_object() for user in found[start : start + size]], "users", page, size,
                  more=start + size < len(found))  # fmt: skip


def check_module(org: ZohoOrg, module: str) -> None:
    """A module there is, which the user may see."""
    if module not in org.fields or module in org.missing_modules:
        raise Refused(400, "INVALID_MODULE", "the module name given seems to be invalid", resource_path_index=0)
    if module in org.forbidden:
        raise Refused(403, "NO_PERMISSION", "permission denied", permissions=[f"Crm_Implied_View_{module}"])


def _since(org: ZohoOrg, request: Request) -> int | None:
    """The header as the first moment that counts."""
    since = since_ms(request)
    return since + 1000 if since is not None and org.is_since_exclusive else since


def _fields(org: ZohoOrg, module: str, query: Mapping[str, str]) -> list[str]:
    if not query.get("fields"):
        raise Refused(400, "REQUIRED_PARAM_MISSING", "one of the expected parameters is missing", param_name="fields")
    names = query["fields"].split(",")
    if len(names) > FIELD_LIMIT:
        raise Refused(400, "LIMIT_EXCEEDED", "too many fields", param_name="fields", limit=FIELD_LIMIT)
    for name in names:
        if not org.accepts(module, name):
            raise bad_parameter("fields", f"{module} has no field {name}")
    return names


def _order(org: ZohoOrg, module: str, query: Mapping[str, str]) -> Order:
    """Converted and unapproved records are hidden unless asked for."""
    if module != LEADS and "converted" in query:
        raise bad_parameter("converted", "only leads are converted")
    if "approved" in query and (not org.knows_approved or module not in (LEADS, CONTACTS)):
        raise bad_parameter("approved", "the parameter is not known")
    converted = one_of(query, "converted", "false", "true", "both")
    approved = one_of(query, "approved", "true", "false", "both")
    sort_by = one_of(query, "sort_by", "id", "Created_Time", "Modified_Time")
    descending = one_of(query, "sort_order", "desc", "asc") == "desc"

    def shows(row: Row) -> bool:
        is_converted, is_approved = "$converted_detail" in row.values, "$approval_state" not in row.values
        return converted in ("both", str(is_converted).lower()) and approved in ("both", str(is_approved).lower())

    hides = module == LEADS and (converted, approved) != ("both", "both")
    return Order(sort_by, descending, shows if hides else None)


def _found(
    org: ZohoOrg, module: str, order: Order, since: int | None, after: tuple[Any, ...] | None, skip: int, count: int
) -> list[Row]:
    """So many rows behind `after`, or behind the first `skip`; quick in the order of change."""
    shelf = org.shelves[module]
    if order.sort_by == "Modified_Time" and not order.descending and order.shows is None:
        behind = None if after is None else (after[0], after[1])
        return shelf.changed(since=since, after=behind, limit=skip + count)[skip:]
    rows: Iterable[Row] = shelf.changed(since=since)
    if order.shows is not None:
        rows = filter(order.shows, rows)
    ordered = sorted(rows, key=order.key)
    if after is not None:
        ordered = [row for row in ordered if order.key(row) > after]
    return ordered[skip : skip + count]


def _gone(org: ZohoOrg, module: str) -> list[tuple[Row, str]]:
    """Deleted records and where they are now; the recycle bin empties itself."""
    shelf, now = org.shelves[module], org.now_ms()
    found = [(row, "recycle") for row in shelf.bin.values()] + [(row, "permanent") for row in shelf.purged.values()]
    aged = [(row, name, now - (row.deleted_ms or 0)) for row, name in found]
    return [(row, name if age < BIN_MS else "permanent") for row, name, age in aged if age < FORGOTTEN_MS]


def _tombstone(org: ZohoOrg, module: str, row: Row, kind: str) -> dict[str, Any]:
    user = {"name": org.users[0].full_name, "id": str(org.users[0].id)}
    get = row.values.get
    return {
        "id": str(row.id), "display_name": full_name((get("First_Name"), get("Last_Name"))), "type": kind,
        "deleted_time": local_time(row.deleted_ms or 0), "deleted_by": user if row.id % 3 else None, "created_by": user,
    }  # fmt: skip


def _paged(items: list[dict[str, Any]], key: str, page: int, size: int, *, more: bool) -> Reply:
    if not items:
        return Reply(204)
    info = {"per_page": size, "count": len(items), "page": page, "more_records": more}
    return json_reply(200, {key: items, "info": info})
