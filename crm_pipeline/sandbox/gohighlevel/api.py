"""HighLevel's API as the pipeline meets it: which path leads where, the version header, tokens, scopes, rate limits.

https://github.com/GoHighLevel/highlevel-api-docs describes the paths; where a body is not described there, recorded
answers are followed. Every answer comes chunked, as from the vendor, so Nango passes on its status and headers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from crm_pipeline.sandbox.crm import CrmKind, Habits, Meter
from crm_pipeline.sandbox.exchange import Clock, Reply, Request, first_repeated, json_reply
from crm_pipeline.sandbox.fault_answers import Answer
from crm_pipeline.sandbox.gohighlevel.first_day import location_ids, new_location
from crm_pipeline.sandbox.gohighlevel.location import HighLevelLocation
from crm_pipeline.sandbox.gohighlevel.refusals import (
    BAD_TOKEN,
    BAD_VERSION,
    EXPIRED_TOKEN,
    NO_SCOPE,
    NO_VERSION,
    OTHER_LOCATION,
    TOO_MANY,
    WRONG_CLASS,
    Refused,
    error_body,
    error_reply,
    unknown_keys,
)
from crm_pipeline.sandbox.gohighlevel.search import read_search, run_search
from crm_pipeline.sandbox.gohighlevel.users import LocationUsers, act

VERSIONS = frozenset({"2021-07-28", "2021-04-15", "2023-02-21", "v3"})
BURST, BURST_SECONDS, DAY_SECONDS = 100, 10.0, 86_400.0
"""Calls of one app for one location; refused only when `limits` is switched on, told in headers always."""
CONTACTS_SCOPE, USERS_SCOPE = "contacts.readonly", "users.readonly"
FIELDS_SCOPE, LOCATION_SCOPE = "locations/customFields.readonly", "locations.readonly"
OPPORTUNITIES_SCOPE = "opportunities.readonly"
MODELS = frozenset({"contact", "opportunity", "all"})


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    path: re.Pattern[str]
    scope: str
    answer: Callable[[HighLevelLocation, Request, tuple[str, ...]], Reply] | None
    """None: the vendor has it, this sandbox does not."""


def search_contacts(location: HighLevelLocation, request: Request, ids: tuple[str, ...]) -> Reply:
    """The list of contacts, and what changed."""
    _query(request, frozenset())
    return Reply(200, run_search(location, read_search(location, _body(request))))


def read_contact(location: HighLevelLocation, request: Request, ids: tuple[str, ...]) -> Reply:
    """One contact; only here is its last activity told."""
    _query(request, frozenset())
    row = location.shelf.live.get(ids[0])
    if row is None:
        raise Refused(400, f"Contact with id {ids[0]} not found")
    shown = {name: value for name, value in location.as_object(row).items() if name != "searchAfter"}
    shown |= {"name": shown["contactName"], "lastActivity": row.updated_ms or None}
    return json_reply(200, {"contact": shown})


def list_users(location: HighLevelLocation, request: Request, ids: tuple[str, ...]) -> Reply:
    """Not paged; without the agency's own users. Gone in v3."""
    if request.headers.get("version") == "v3":
        raise Refused(404, "Cannot GET /users/")
    _same_location(location, _query(request, frozenset({"locationId"})).get("locationId"))
    members = [] if location.install.users_list_empty else location.members.values()
    shown = [one.as_object(location.location_id) for one in members if one.is_listed and not one.is_deleted]
    return json_reply(200, {"users": shown})


def read_user(location: HighLevelLocation, request: Request, ids: tuple[str, ...]) -> Reply:
    """One user, those of the agency and those who left too."""
    _query(request, frozenset())
    member = location.members.get(ids[0])
    if member is None:
        raise Refused(404, f"User with id {ids[0]} not found")
    return json_reply(200, member.as_object(location.location_id))


def list_pipelines(location: HighLevelLocation, request: Request, ids: tuple[str, ...]) -> Reply:
    """All of them with their stages."""
    _same_location(location, _query(request, frozenset({"locationId"})).get("locationId"))
    return json_reply(200, {"pipelines": location.pipelines, "traceId": "dc70f9b9-25df-4bd5-822f-000000000000"})


def list_custom_fields(location: HighLevelLocation, request: Request, ids: tuple[str, ...]) -> Reply:
    """Not paged."""
    _same_location(location, ids[0])
    model = _query(request, frozenset({"model"})).get("model", "contact")
    if model not in MODELS:
        raise Refused(422, ["model must be one of the following values: contact, opportunity, all"])
    return json_reply(200, {"customFields": [] if model == "opportunity" else location.fields})


def read_location(location: HighLevelLocation, request: Request, ids: tuple[str, ...]) -> Reply:
    """The sub-account itself."""
    _query(request, frozenset())
    _same_location(location, ids[0])
    return json_reply(200, {"location": {"id": ids[0], "name": "Main office", "timezone": "US/Eastern"}})


def _route(method: str, path: str, scope: str, answer: Any = None) -> Route:
    return Route(method, re.compile(path), scope, answer)


ROUTES = (
    _route("POST", "/contacts/search", CONTACTS_SCOPE, search_contacts),
    _route("GET", "/contacts/?", CONTACTS_SCOPE),
    _route("GET", "/contacts/search/duplicate", CONTACTS_SCOPE),
    _route("GET", "/contacts/([^/]+)", CONTACTS_SCOPE, read_contact),
    _route("GET", "/contacts/([^/]+)/notes", CONTACTS_SCOPE),
    _route("POST", "/contacts(/.*)?", "contacts.write"),
    _route("PUT", "/contacts/([^/]+)", "contacts.write"),
    _route("DELETE", "/contacts/([^/]+)", "contacts.write"),
    _route("GET", "/users/?", USERS_SCOPE, list_users),
    _route("GET", "/users/search", USERS_SCOPE),
    _route("GET", "/users/([^/]+)", USERS_SCOPE, read_user),
    _route("GET", "/opportunities/pipelines", OPPORTUNITIES_SCOPE, list_pipelines),
    _route("GET", "/opportunities/.*", OPPORTUNITIES_SCOPE),
    _route("POST", "/opportunities/search", OPPORTUNITIES_SCOPE),
    _route("GET", "/locations/([^/]+)/customFields", FIELDS_SCOPE, list_custom_fields),
    _route("GET", "/locations/([^/]+)", LOCATION_SCOPE, read_location),
)


class GoHighLevelApi:
    """Answers requests to one location. `limits` switches HighLevel's own rate limits on."""

    def __init__(self, location: HighLevelLocation, *, clock: Clock, limits: bool = False) -> None:
        self.location = location
        self.limits = limits
        self.users = LocationUsers(location)
        self._clock = clock
        self._burst = Meter(BURST, BURST_SECONDS, clock)
        self._day_start = clock()

    def answer(self, request: Request) -> Reply:
        """One request to services.leadconnectorhq.com whose token was good."""
        with self.location.lock:
            try:
                self._meter()
                reply = self._answer(request)
            except Refused as refusal:
                reply = error_reply(refusal.status, refusal.message)
            return Reply(reply.status, reply.body, self._limit_headers(), reply.content_type, chunked=True)

    def act(self, action: str, body: Mapping[str, Any]) -> object:
        """A change made in HighLevel's screens."""
        return act(self.location, action, body)

    def oracle(self) -> list[dict[str, Any]]:
        """Every live contact, and who is whom."""
        return self.location.oracle()

    def _answer(self, request: Request) -> Reply:
        version = request.headers.get("version")
        if version is None:
            raise Refused(401, NO_VERSION)
        if version not in VERSIONS:
            raise Refused(400, BAD_VERSION)
        for route in ROUTES:
            match = route.path.fullmatch(request.path)
            if match is None or route.method != request.method:
                continue
            if self.location.install.company_token:
                raise Refused(401, WRONG_CLASS)
            if route.scope in self.location.install.missing_scopes:
                raise Refused(401, NO_SCOPE)
            if route.answer is None:
                raise Refused(501, f"This sandbox does not serve {request.method} {request.path}")
            return route.answer(self.location, request, match.groups())
        raise Refused(404, f"Cannot {request.method} {request.path}")

    def _meter(self) -> None:
        """Both limits; the day starts anew 24 hours after it started."""
        install, now = self.location.install, self._clock()
        if now - self._day_start >= DAY_SECONDS:
            self._day_start, install.daily_used = now, 0
        if self.limits and (install.daily_used >= install.daily_limit or not self._burst.take()):
            raise Refused(429, TOO_MANY)
        install.daily_used += 1

    def _limit_headers(self) -> dict[str, str]:
        install = self.location.install
        return {
            "X-RateLimit-Limit-Daily": str(install.daily_limit),
            "X-RateLimit-Daily-Remaining": str(max(0, install.daily_limit - install.daily_used)),
            "X-RateLimit-Daily-Reset": str(int((self._day_start + DAY_SECONDS - self._clock()) * 1000)),
            "X-RateLimit-Interval-Milliseconds": str(int(BURST_SECONDS * 1000)),
            "X-RateLimit-Max": str(BURST),
            "X-RateLimit-Remaining": str(self._burst.left),
        }


def _query(request: Request, known: frozenset[str]) -> dict[str, str]:
    pairs = request.pairs()
    repeated = first_repeated(pairs)
    wrong = [f"{repeated} must be a string"] if repeated else unknown_keys(dict(pairs), known)
    if wrong:
        raise Refused(422, wrong)
    return dict(pairs)


def _body(request: Request) -> dict[str, Any]:
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise Refused(415, "Unsupported Media Type")
    try:
        value = orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, str(error)) from None
    if not isinstance(value, dict):
        raise Refused(422, ["the body must be an object"])
    return value


def _same_location(location: HighLevelLocation, asked: str | None) -> None:
    """Another location and none at all are refused alike."""
    if asked != location.location_id:
        raise Refused(403, OTHER_LOCATION)


def open_gohighlevel(account: str, seed: int, contacts: int, clock: Clock) -> GoHighLevelApi:
    """The account's location on its first day, with its API."""
    return GoHighLevelApi(new_location(account, seed=seed, contacts=contacts, clock=clock), clock=clock)


def gohighlevel_config(account: str, seed: int) -> dict[str, Any]:
    """What Nango stores after an install from inside the location."""
    location_id, company_id = location_ids(account, seed)
    return {"locationId": location_id, "companyId": company_id}


def refuse_token(is_expired: bool) -> Reply:
    """401 in HighLevel's shape."""
    return error_reply(401, EXPIRED_TOKEN if is_expired else BAD_TOKEN)


def _fault(status: int, message: str, **headers: str) -> Answer:
    named = {f"X-RateLimit-{name.replace('_', '-')}": value for name, value in headers.items()}
    return Answer(status=status, body=error_body(status, message), headers=named)


GOHIGHLEVEL = CrmKind(
    provider="gohighlevel",
    integration="highlevel",
    open=open_gohighlevel,
    connection_config=gohighlevel_config,
    refuse_token=refuse_token,
    habits=Habits(
        pages="^/contacts/search$",
        list_key="contacts",
        page_limit=100,
        faults={
            "rate_limited": _fault(429, TOO_MANY, Daily_Remaining="199000", Interval_Milliseconds="10000"),
            "daily_limit": _fault(429, TOO_MANY, Daily_Remaining="0", Limit_Daily="200000"),
            "missing_scope": _fault(401, NO_SCOPE),
            "forbidden": _fault(403, OTHER_LOCATION),
            "invalid_token": _fault(401, BAD_TOKEN),
            "server_error": _fault(500, "Internal Server Error"),
        },
        counts={"^/contacts/search$": {"total": 9_999_999}},
    ),
)
