"""Zoho's lists, read to their end: records by page token, deleted ones by page and time, users, and single fields.

https://www.zoho.com/crm/developer/docs/api/v8/get-records.html (50 fields, 200 rows a page)
https://www.zoho.com/crm/developer/docs/api/v8/get-deleted-records.html
https://www.zoho.com/crm/developer/docs/api/v8/COQL-Limitations.html (500 fields, 100 ids)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from crm_pipeline.domain.times import parse_time
from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.paging import PageGuard
from crm_pipeline.providers.provider import CrmApi, Payload
from crm_pipeline.providers.reading import items_in, text_of

API = "/crm/v8"
FIELDS, USERS, COQL = f"{API}/settings/fields", f"{API}/users", f"{API}/coql"

PAGE_LIMIT, FIELD_LIMIT, COQL_FIELDS, COQL_IDS = 200, 50, 500, 100
"""The vendor's maxima."""
CHAIN_ROWS = 90_000
"""Rows after which a new chain of page tokens is begun; the vendor ends one at 100,000."""
LAST_DELETED_PAGE = 10
"""Nobody documents that the deleted records go on behind row 2,000, where page numbers end elsewhere."""
MOST_SINGLE_READS = 1_000
"""Leads a pass reads alone for their conversion, if the list keeps it back; each costs a call."""
NO_ROWS, NOT_MODIFIED = 204, 304

DETAIL = "$converted_detail"
CONVERSION = (DETAIL, "Converted__s", "Converted_Date_Time")
"""What the vendor names for the list of leads, whether or not the metadata has it."""
TOKEN_TROUBLE = ("PAGINATION_LIMIT_EXCEEDED", "EXPIRED_VALUE", "INVALID_DATA", "TOKEN_BOUND_DATA_MISMATCH")


def list_query(names: Iterable[str]) -> dict[str, str]:
    """A list by rising time of change."""
    return {
        "fields": ",".join(names), "per_page": str(PAGE_LIMIT), "sort_by": "Modified_Time", "sort_order": "asc",
    }  # fmt: skip


def pages_of(
    api: CrmApi, module: str, query: dict[str, str], since: datetime | None
) -> Iterator[tuple[list[Payload], datetime | None, bool]]:
    """Pages of a module by rising Modified_Time: the rows, the time reached, and whether it is the last page.

    A chain of page tokens that is worn out is followed by another from the time reached.
    """
    start = position = since
    guard, token, rows = PageGuard(f"Zoho's list of {module}"), "", 0
    while True:
        try:
            answer = _page(api, module, query, start, token)
        except ProviderError as error:
            if not token and _simplify(query, error):
                continue
            if not token or not _says(error, *TOKEN_TROUBLE):
                raise
            start, token, rows = _new_start(module, start, position, error), "", 0
            continue
        if answer is None:
            yield [], position, True
            return
        items, token = items_in(answer, "data", "Zoho"), _next_token(answer)
        reached = next((moment for item in reversed(items) if (moment := parse_time(item.get("Modified_Time")))), None)
        position = max(reached, position) if reached and position else reached or position
        rows += len(items)
        yield items, position, not token
        if not token:
            return
        guard.check(token, len(items))
        if rows >= CHAIN_ROWS and position is not None and position != start:
            start, token, rows = position, "", 0


def _page(
    api: CrmApi, module: str, query: Mapping[str, str], start: datetime | None, token: str
) -> Mapping[str, Any] | None:
    """One page; None for no rows. That nothing was modified is an answer only to who asked since when."""
    headers = _modified_since(start) if start else None
    nothing = (NO_ROWS, NOT_MODIFIED) if start else (NO_ROWS,)
    turn = {"page_token": token} if token else {}
    answer = api.get(f"{API}/{module}", {**query, **turn}, headers=headers, shape=("data", "info"), nothing=nothing)
    return None if answer.status in nothing else answer.object()


def _modified_since(moment: datetime) -> dict[str, str]:
    """Nobody documents whether the header's own second is in, and an import gives one second to thousands of records:
    so one second earlier, and what comes twice is merged by id."""
    return {"If-Modified-Since": (moment - timedelta(seconds=1)).isoformat(timespec="seconds")}


def _simplify(query: dict[str, str], error: ProviderError) -> bool:
    """Take out what Zoho names for this call without saying that every org takes it; whether there was any of it."""
    if not _says(error, "INVALID_DATA"):
        return False
    if "approved" in query and "approved" in error.message:
        del query["approved"]
        return True
    names = query["fields"].split(",")
    kept = [name for name in names if name not in CONVERSION or name.lstrip("$") not in error.message]
    query["fields"] = ",".join(kept)
    return len(kept) < len(names)


def _new_start(module: str, start: datetime | None, position: datetime | None, error: ProviderError) -> datetime:
    """From when a new chain starts; one that ended within the second it began in would end there for ever."""
    if position is not None and (start is None or position > start):
        return position
    advice = (
        "More than 100,000 records were changed in one second, as by an import. Change some of them in Zoho CRM, so "
        "that their times differ, and run the sync again."
    )
    raise ProviderError(
        "unexpected_response",
        f"Zoho's list of {module} goes no further, and beginning anew would end there again ({error.message})",
        action=advice if _says(error, "PAGINATION_LIMIT_EXCEEDED") else None,
    ) from error


def deleted_of(api: CrmApi, module: str, since: datetime) -> Iterator[tuple[list[Payload], datetime, bool, str]]:
    """Records deleted since, from the recycle bin and for good: the entries, since when they were asked for, whether
    these are the last, and what could not be reached, in words. Behind page 10 it goes on from the time reached.

    That needs the oldest first, which nobody documents: newest first, the older ones could not be reached.
    """
    start, page, first, nothing = since, 1, since, (NO_ROWS, NOT_MODIFIED)
    while True:
        answer = api.get(
            f"{API}/{module}/deleted",
            {"type": "all", "page": str(page), "per_page": str(PAGE_LIMIT)},
            headers=_modified_since(start),
            shape=("data", "info"),
            nothing=nothing,
        )
        items = [] if answer.status in nothing else items_in(answer.object(), "data", "Zoho")
        times = [parse_time(item.get("deleted_time")) for item in items]
        # The header is only named for this call, not explained: were it ignored, old deletions would come each time.
        recent = [item for item, time in zip(items, times, strict=True) if not time or time >= _whole_second(since)]
        is_end = not items or not _info(answer.object()).get("more_records")
        note = ""
        if page == 1 and times:
            first = times[0] or since
        if page == LAST_DELETED_PAGE and not is_end and ((last := times[-1]) is None or last <= start or last < first):
            is_end = True
            note = f"More {module} were deleted than Zoho lists at once; the next complete pass finds the others."
        yield recent, start, is_end, note
        if is_end:
            return
        start, page = (times[-1] or start, 1) if page == LAST_DELETED_PAGE else (start, page + 1)


def _whole_second(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


class Rest:
    """What a list call does not bring: the fields beyond the fiftieth, and conversions that it keeps back."""

    def __init__(self, api: CrmApi, module: str, names: tuple[str, ...]) -> None:
        self._api, self._module = api, module
        size = COQL_FIELDS - 1
        self._selects = [names[start : start + size] for start in range(0, len(names), size)]
        self._reads = 0

    def add(self, items: list[Payload]) -> tuple[str, ...]:
        """Fill more fields in, joined by id; says so once if Zoho refuses."""
        by_id = {str(item.get("id")): item for item in items}
        ids = [crm_id for crm_id in by_id if crm_id.isascii() and crm_id.isdigit()]
        try:
            for start in range(0, len(ids) if self._selects else 0, COQL_IDS):
                listed = ", ".join(f"'{crm_id}'" for crm_id in ids[start : start + COQL_IDS])
                for names in self._selects:
                    query = f"select id, {', '.join(names)} from {self._module} where id in ({listed})"
                    answer = self._api.post(COQL, {"select_query": query}, shape=("data",), nothing=(NO_ROWS,))
                    for row in [] if answer.status == NO_ROWS else items_in(answer.object(), "data", "Zoho"):
                        by_id.get(str(row.get("id")), {}).update({name: row.get(name) for name in names})
        except ProviderError as error:
            if not can_do_without(error):
                raise
            self._selects = []
            return (f"{self._module} have more than {FIELD_LIMIT} fields; the others were left out. {error.message}",)
        return ()

    def add_conversions(self, items: list[Payload]) -> tuple[str, ...]:
        """Which contact a converted lead became, read lead by lead where the list does not say."""
        notes: tuple[str, ...] = ()
        for item in items:
            if item.get("Converted__s") is not True or item.get(DETAIL) or not str(item.get("id")).isdigit():
                continue
            self._reads += 1
            if self._reads <= MOST_SINGLE_READS:
                item[DETAIL] = self._conversion(str(item["id"]))
            elif self._reads == MOST_SINGLE_READS + 1:
                notes = ("Not every converted lead could be linked to its contact.",)
        return notes

    def _conversion(self, crm_id: str) -> object:
        try:
            answer = self._api.get(f"{API}/{self._module}/{crm_id}", shape=("data",), nothing=(NO_ROWS,))
        except ProviderError as error:
            if not can_do_without(error):
                raise
            return None  # deleted since it was listed
        records = [] if answer.status == NO_ROWS else items_in(answer.object(), "data", "Zoho")
        return records[0].get(DETAIL) if records else None


def users_of(api: CrmApi, kind: str) -> Iterator[Payload]:
    """Users of one type."""
    guard, page = PageGuard("Zoho's list of users"), 1
    while True:
        query = {"type": kind, "page": str(page), "per_page": str(PAGE_LIMIT)}
        answer = api.get(USERS, query, shape=("users", "info"), nothing=(NO_ROWS,))
        if answer.status == NO_ROWS:
            return
        users = items_in(answer.object(), "users", "Zoho", "id")
        yield from users
        if not _info(answer.object()).get("more_records"):
            return
        guard.check(str(users[-1]["id"]) if users else f"empty {page}", len(users))
        page += 1


def fields_of(api: CrmApi, module: str) -> dict[str, Payload]:
    """The module's fields by name, once in a run; labels and lists both need them."""

    def read() -> dict[str, Payload]:
        answer = api.get(FIELDS, {"module": module}, shape=("fields",), nothing=(NO_ROWS,))
        items = [] if answer.status == NO_ROWS else items_in(answer.object(), "fields", "Zoho", "api_name")
        return {str(item["api_name"]): item for item in items}

    return api.once(f"fields of {module}", read)


def count_of(api: CrmApi, module: str) -> int | None:
    """How many records Zoho itself counts."""
    count = api.get(f"{API}/{module}/actions/count", shape=("count",)).object()["count"]
    return int(count) if type(count) is int or (isinstance(count, str) and count.isdecimal()) else None


def _info(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    info = answer["info"]
    if isinstance(info, dict):
        return info
    raise ProviderError("unexpected_response", "Zoho answered `info` that is no object.")


def _next_token(answer: Mapping[str, Any]) -> str:
    """The token of the next page, empty on the last one; more rows without a token would be lost."""
    info = _info(answer)
    if not info.get("more_records"):
        return ""
    token = text_of(info.get("next_page_token"))
    if token is None:
        raise ProviderError("unexpected_response", "Zoho promised more records and gave no `next_page_token`.")
    return token


def _says(error: ProviderError, *codes: str) -> bool:
    return error.facts.get("reason") in codes


def is_refusal(error: ProviderError) -> bool:
    """Zoho, not Nango, says that this connection may not read it or that there is no such module."""
    return error.code in ("missing_scope", "connection_misconfigured") and error.facts.get("nango_code") is None


def can_do_without(error: ProviderError) -> bool:
    """What only adds to the records may fail in more ways: a value or a call that this org's Zoho does not know."""
    is_unknown = error.code == "unexpected_response" and error.facts.get("status") in (400, 404)
    return is_unknown or is_refusal(error)
