"""Salesforce's REST API as the pipeline meets it: queries and their pages, describe, limits, refusals.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest.htm
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from crm_pipeline.sandbox.crm import CrmKind, Habits, Meter
from crm_pipeline.sandbox.exchange import Clock, Reply, Request, first_repeated, json_reply
from crm_pipeline.sandbox.fault_answers import Answer
from crm_pipeline.sandbox.salesforce.first_day import new_org, org_url
from crm_pipeline.sandbox.salesforce.org import SalesforceOrg
from crm_pipeline.sandbox.salesforce.query import Found, run
from crm_pipeline.sandbox.salesforce.schema import definition
from crm_pipeline.sandbox.salesforce.soql import BadQuery, NotServed, read_query
from crm_pipeline.sandbox.salesforce.users import SalesforceUsers, act

LONGEST_URI, LONGEST_HEAD = 16_384, 16_384
"""Bytes of the address alone, and together with the headers."""
MOST_CURSORS, CURSOR_SECONDS, DAY_SECONDS = 10, 2 * 86_400.0, 86_400.0
FEWEST_ROWS, MOST_ROWS = 200, 2000
OLDEST_VERSION, NEWEST_VERSION = 21, 67
PATH = re.compile(r"/services/data/v(\d\d)\.0/(.+)")
DESCRIBE = re.compile(r"sobjects/(\w+)/describe")
LOCATOR = re.compile(r"query/(0r8\w+)-(\d+)")
BATCH_SIZE = re.compile(r"batchSize=(\d+)")
ELSEWHERE = re.compile(r"sobjects(/.*)?|composite(/.*)?|jobs/.*|search.*|recent.*|parameterizedSearch.*")


class Refused(Exception):
    """An answer in Salesforce's error shape, which is a list."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(slots=True)
class Cursor:
    """A query whose rows did not fit into one answer; it belongs to the session that asked."""

    session: str
    found: Found
    batch: int
    opened: float
    calls: int = 0


class SalesforceApi:
    """Answers requests from one org. `limits` switches the daily limit on."""

    def __init__(self, org: SalesforceOrg, *, clock: Clock, limits: bool = False) -> None:
        self.org = org
        self.limits = limits
        self._clock = clock
        self._meter = Meter(org.daily_calls, DAY_SECONDS, clock)
        self._cursors: dict[str, Cursor] = {}
        self._opened = 0
        self._described: dict[Any, bytes] = {}
        self._users = SalesforceUsers(org)

    @property
    def users(self) -> SalesforceUsers:
        """The same changes in words that all CRMs share."""
        return self._users

    def act(self, action: str, body: Mapping[str, Any]) -> object:
        """A change made in Salesforce's screens, or a knob."""
        return act(self.org, action, body)

    def oracle(self) -> list[dict[str, Any]]:
        """Every live lead and contact, and who is whom."""
        return self.org.oracle()

    def answer(self, request: Request) -> Reply:
        """One request to the org's own address whose token was good."""
        uri = len(request.path) + len(request.query) + 1
        if uri > LONGEST_URI:
            return Reply(414, b"<html><body>URI Too Long</body></html>", content_type="text/html")
        if uri + sum(len(name) + len(value) + 4 for name, value in request.headers.items()) > LONGEST_HEAD:
            return Reply(431, b"<html><body>Bad Message 431</body></html>", content_type="text/html")
        with self.org.lock:
            try:
                self._count_call()
                reply = self._route(request)
            except Refused as refusal:
                reply = refused(refusal.status, refusal.code, refusal.message)
            except BadQuery as refusal:
                reply = refused(400, refusal.code, refusal.message)
            except NotServed as missing:
                reply = refused(501, "NOT_SERVED", f"the sandbox does not serve {missing}")
            used = self._meter.calls - self._meter.left
            reply.headers = {**reply.headers, "Sforce-Limit-Info": f"api-usage={used}/{self._meter.calls}"}
        return reply

    def _count_call(self) -> None:
        self._meter.calls = self.org.daily_calls
        if not self._meter.take() and self.limits:
            raise Refused(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")

    def _route(self, request: Request) -> Reply:
        found = PATH.fullmatch(request.path)
        if found is None or not OLDEST_VERSION <= int(found[1]) <= NEWEST_VERSION:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        version, rest = f"v{found[1]}.0", found[2]
        if request.method != "GET":
            raise NotServed(f"{request.method} of {request.path}")
        if rest in ("query", "queryAll"):
            return self._query(request, version, with_deleted=rest == "queryAll")
        if locator := LOCATOR.fullmatch(rest):
            _parameters(request, frozenset())
            return self._more(request, version, locator[1], int(locator[2]))
        if rest.startswith(("query/", "queryAll/")):
            raise Refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        if rest == "limits":
            return self._limits(request)
        if described := DESCRIBE.fullmatch(rest):
            return self._describe(request, described[1])
        if ELSEWHERE.fullmatch(rest):
            raise NotServed(request.path)
        raise Refused(404, "NOT_FOUND", "The requested resource does not exist")

    def _query(self, request: Request, version: str, *, with_deleted: bool) -> Reply:
        asked = _parameters(request, frozenset({"q"}))
        if "q" not in asked:
            raise Refused(400, "MALFORMED_QUERY", "A query string has to be specified")
        found = run(self.org, read_query(asked["q"]), with_deleted=with_deleted)
        if isinstance(found, int):
            return json_reply(200, {"totalSize": found, "done": True, "records": []})
        batch = min(_batch_size(request), self.org.page_rows)
        if len(found.rows) <= batch:
            return _page(found.rows, found, len(found.rows), None)
        self._opened += 1
        locator = f"0r8Ax{self._opened:010d}AAA"
        session = request.headers.get("authorization", "")
        self._cursors[locator] = Cursor(session, found, batch, self._clock())
        while len(self._cursors) > MOST_CURSORS:
            del self._cursors[next(iter(self._cursors))]
        following = f"/services/data/{version}/query/{locator}-{batch}"
        return _page(found.rows[:batch], found, len(found.rows), following)

    def _more(self, request: Request, version: str, locator: str, start: int) -> Reply:
        cursor = self._cursors.get(locator)
        lives = self.org.locator_lives
        if (
            cursor is None
            or cursor.session != request.headers.get("authorization", "")
            or self._clock() - cursor.opened > CURSOR_SECONDS
            or (lives is not None and cursor.calls >= lives)
            or not 0 < start < len(cursor.found.rows)
        ):
            self._cursors.pop(locator, None)
            raise Refused(400, "INVALID_QUERY_LOCATOR", "invalid query locator")
        cursor.calls += 1
        end = start + cursor.batch
        rows, total = cursor.found.rows[start:end], len(cursor.found.rows)
        if end >= total:
            del self._cursors[locator]
            return _page(rows, cursor.found, total, None)
        return _page(rows, cursor.found, total, f"/services/data/{version}/query/{locator}-{end}")

    def _limits(self, request: Request) -> Reply:
        _parameters(request, frozenset())
        if not self.org.shows_limits:
            raise Refused(403, "INSUFFICIENT_ACCESS", "You do not have access to limits.")
        limit = {"Max": self._meter.calls, "Remaining": self._meter.left}
        bulk = {"Max": 10_000, "Remaining": 10_000}
        return json_reply(200, {"DailyApiRequests": limit, "DailyBulkV2QueryJobs": bulk})

    def _describe(self, request: Request, kind: str) -> Reply:
        _parameters(request, frozenset())
        if kind not in self.org.fields or kind in self.org.invisible:
            raise Refused(404, "NOT_FOUND", "The requested resource does not exist")
        fields = self.org.visible_fields(kind)
        key = kind, len(fields), frozenset(self.org.hidden.get(kind, ()))
        if key not in self._described:
            shown = [definition(kind, name, type_) for name, type_ in fields.items()]
            value = {"name": kind, "label": kind, "queryable": True, "custom": False, "fields": shown}
            self._described[key] = orjson.dumps(value)
        return Reply(200, self._described[key])


def refused(status: int, code: str, message: str) -> Reply:
    """Salesforce's errors are a list, here always of one."""
    return json_reply(status, _error(code, message))


def _error(code: str, message: str) -> list[dict[str, str]]:
    return [{"message": message, "errorCode": code}]


def _page(rows: list[Any], found: Found, total: int, following: str | None) -> Reply:
    head = f'{{"totalSize":{total},"done":{"false" if following else "true"},'
    if following:
        head += f'"nextRecordsUrl":"{following}",'
    return Reply(200, head.encode() + b'"records":[' + b",".join(map(found.write, rows)) + b"]}")


def _parameters(request: Request, known: frozenset[str]) -> dict[str, str]:
    """The query; unknown and repeated parameters are refused, so that a test meets a typing error early."""
    pairs = request.pairs()
    repeated = first_repeated(pairs)
    if repeated is not None:
        raise Refused(400, "INVALID_ARGUMENT", f"Parameter {repeated} may be given only once")
    for name, _ in pairs:
        if name not in known:
            raise Refused(400, "INVALID_ARGUMENT", f"Unknown query parameter {name}")
    return dict(pairs)


def _batch_size(request: Request) -> int:
    text = request.headers.get("sforce-query-options")
    if text is None:
        return MOST_ROWS
    found = BATCH_SIZE.fullmatch(text)
    if found is None or not FEWEST_ROWS <= int(found[1]) <= MOST_ROWS:
        raise Refused(400, "INVALID_ARGUMENT", f"Sforce-Query-Options: batchSize from {FEWEST_ROWS} to {MOST_ROWS}")
    return int(found[1])


def open_salesforce(account: str, seed: int, contacts: int, clock: Clock) -> SalesforceApi:
    """The account's org on its first day, with its API."""
    return SalesforceApi(new_org(account, seed=seed, contacts=contacts, clock=clock), clock=clock)


def salesforce_config(account: str, seed: int) -> dict[str, Any]:
    """What Nango stores after connecting."""
    return {"instance_url": org_url(account, seed)}


def refuse_token(is_expired: bool) -> Reply:
    """401; an expired session and an unknown one sound the same."""
    return refused(401, "INVALID_SESSION_ID", "Session expired or invalid")


def _fault(status: int, code: str, message: str) -> Answer:
    return Answer(status=status, body=_error(code, message))


SALESFORCE = CrmKind(
    provider="salesforce",
    integration="salesforce",
    open=open_salesforce,
    connection_config=salesforce_config,
    refuse_token=refuse_token,
    habits=Habits(
        pages=r"/services/data/v\d\d\.0/query(All$|/0r8)",
        list_key="records",
        page_limit=MOST_ROWS,
        short_pages="page_rows",
        faults={
            "rate_limited": _fault(
                403, "REQUEST_LIMIT_EXCEEDED", "ConcurrentPerOrgLongTxn Limit exceeded. Try again later."
            ),
            "daily_limit": _fault(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded."),
            "missing_scope": _fault(403, "INSUFFICIENT_ACCESS", "insufficient access rights on object id"),
            "forbidden": _fault(403, "API_DISABLED_FOR_ORG", "API is disabled for this organization or user"),
            "invalid_token": _fault(401, "INVALID_SESSION_ID", "Session expired or invalid"),
            "server_error": _fault(503, "SERVER_UNAVAILABLE", "The server is temporarily unavailable."),
        },
        counts={r"/services/data/v\d\d\.0/query$": {"totalSize": 9_999_999}},
    ),
)
