"""SOQL over Salesforce's REST API: queries that fit and come to an end, and what describe says of an object.

https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql.htm
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

from crm_pipeline.domain.times import parse_time
from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.paging import PageGuard, path_of
from crm_pipeline.providers.provider import CrmApi, Payload
from crm_pipeline.providers.reading import items_in

BASE = "/services/data/v62.0"
QUERY, QUERY_ALL = f"{BASE}/query", f"{BASE}/queryAll"

MOST_ROWS, FEWEST_ROWS = 2000, 25
"""The vendor's largest page, and the smallest that we try where a query is too much for it."""
LONGEST_QUERY, SHORTEST_QUERY = 7000, 800
"""Bytes of one query as it is sent. Salesforce takes 16,384 for address and headers together, gateways often 8,192;
below the shortest it is not the number of fields that is too much."""
BY_CHANGE, BY_ID = "SystemModstamp ASC, Id ASC", "Id ASC"

_ID = re.compile(r"[A-Za-z0-9]{15,18}")


def soql(fields: Iterable[str], name: str, where: Sequence[str] = (), limit: int = MOST_ROWS) -> str:
    """A query in the order of change."""
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    return f"SELECT {','.join(fields)} FROM {name}{condition} ORDER BY {BY_CHANGE} LIMIT {limit}"


def behind(stamp: str, crm_id: str) -> list[str]:
    """Rows share stamps, often by the thousand; the Id tells them apart.

    The first condition follows from the second, and is the one that an index can serve: of an OR alone the optimizer
    makes a scan, which a large object does not finish in time.
    """
    return [f"SystemModstamp >= {stamp}", f"(SystemModstamp > {stamp} OR Id > '{crm_id}')"]


def up_to(stamp: str, crm_id: str) -> list[str]:
    """Rows up to this one."""
    return [f"SystemModstamp <= {stamp}", f"(SystemModstamp < {stamp} OR Id <= '{crm_id}')"]


_WIDEST = [*behind("2026-01-01T00:00:00.000Z", "0" * 18), *up_to("2026-01-01T00:00:00.000Z", "0" * 18)]


def split(first: Sequence[str], others: Iterable[str], longest: int) -> Iterator[tuple[str, ...]]:
    """Fields in parts whose queries fit; every further one begins with what its rows are joined by."""
    room = longest - len(quote(soql((), "Contact", [*_WIDEST, _WIDEST[0]])))
    part, length = list(first), sum(len(name) + 1 for name in first)
    for name in others:
        if length + len(name) + 1 > room:
            yield tuple(part)
            part = ["Id", "SystemModstamp"]
            length = sum(len(name) + 1 for name in part)
        part.append(name)
        length += len(name) + 1
    yield tuple(part)


def rows_of(api: CrmApi, path: str, name: str, query: str) -> tuple[list[Payload], bool]:
    """The rows of one query, and False where the server lost its place before the end.

    The server may give less at once than asked. Its links die with the access token, with an eleventh open query, or
    after two days; the rows so far are good, and the next query starts behind them.
    """
    guard = PageGuard(f"Salesforce's query of {name}")
    answer = api.get(path, {"q": query}, shape=("records", "done")).object()
    rows = list(_records(answer, name))
    while answer["done"] is not True:
        link = answer.get("nextRecordsUrl")
        if not isinstance(link, str) or not link:
            raise ProviderError("unexpected_response", "Salesforce's query is not done and names no next page.")
        guard.check(link, len(answer["records"]))
        try:
            answer = api.get(path_of(link), shape=("records", "done")).object()
        except ProviderError as error:
            if not says(error, "INVALID_QUERY_LOCATOR"):
                raise
            return rows, False
        rows += _records(answer, name)
    return rows, True


def _records(answer: Mapping[str, Any], name: str) -> list[Payload]:
    """The rows of an answer, which says of each what it is: an answer to another query would land as this object."""
    rows = items_in(answer, "records", "Salesforce")
    for row in rows:
        kind = row.get("attributes")
        if type(kind) is dict and kind.get("type") != name:
            raise ProviderError("unexpected_response", f"Salesforce answered a query of {name} with other records.")
    return rows


def place_of(row: Payload) -> tuple[str, str]:
    """Stamp and Id of a row, as a query names them."""
    stamp, crm_id = moment(row.get("SystemModstamp")), row.get("Id")
    if stamp is None:
        raise ProviderError("unexpected_response", "Salesforce answered a record whose SystemModstamp is no time.")
    if not isinstance(crm_id, str) or not _ID.fullmatch(crm_id):
        raise ProviderError("unexpected_response", "Salesforce answered a record whose Id is none of Salesforce's.")
    return as_soql(stamp), crm_id


def count_of(api: CrmApi, name: str) -> int | None:
    """Live records, as the connected user sees them; None where even counting takes the server too long."""
    try:
        total = api.get(QUERY, {"q": f"SELECT COUNT() FROM {name}"}, shape=("totalSize",)).object()["totalSize"]
    except ProviderError as error:
        if not is_too_much(error):
            raise
        return None
    if type(total) is not int:
        raise ProviderError("unexpected_response", f"Salesforce counted {name} and answered no number.")
    return total


def describe(api: CrmApi, name: str, *, again: bool = False) -> dict[str, Payload]:
    """The fields of an object that the user may read, by name. Once in a run for whoever needs it, unless `again`.

    A field that the user may not read is absent, and one such in a query makes the whole query fail.
    """

    def read() -> dict[str, Payload]:
        answer = api.get(f"{BASE}/sobjects/{name}/describe", shape=("fields",)).object()
        return {field["name"]: field for field in items_in(answer, "fields", "Salesforce", "name")}

    return read() if again else api.once(f"describe {name}", read)


def as_soql(when: datetime) -> str:
    """With milliseconds: stamps have had none so far, but nothing promises it."""
    return f"{when:%Y-%m-%dT%H:%M:%S}.{when.microsecond // 1000:03d}Z"


def moment(value: object) -> datetime | None:
    """Salesforce writes `+0000`, or a day alone; both are read faster once they end in `Z`."""
    if type(value) is str:
        if value[-5:] == "+0000":
            return parse_time(f"{value[:-5]}Z")
        if len(value) == 10:
            return parse_time(f"{value}T00:00:00Z") or parse_time(value)
    return parse_time(value)


def says(error: ProviderError, *codes: str) -> bool:
    """Whether Salesforce gave one of these error codes."""
    return error.facts.get("reason") in codes


def is_no_access(error: ProviderError) -> bool:
    """An object the user may not see: refused in a query, not found by describe."""
    return error.code == "missing_scope" or says(error, "NOT_FOUND")


def is_too_much(error: ProviderError) -> bool:
    """Too many rows for one query, or for one answer."""
    return says(error, "QUERY_TIMEOUT", "OPERATION_TOO_LARGE") or error.facts.get("body") == "too_large"
