"""HubSpot's CRM API as the pipeline meets it: which path leads where, rate limits, refusals.

Both path styles are served: `/crm/v3/objects/contacts` and `/crm/objects/2026-03/contacts`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from crm_pipeline.sandbox.crm import CrmKind, Habits, NoSuchRecord
from crm_pipeline.sandbox.exchange import Clock, Reply, Request
from crm_pipeline.sandbox.fault_answers import PRESETS
from crm_pipeline.sandbox.hubspot import around, contacts
from crm_pipeline.sandbox.hubspot.control import act
from crm_pipeline.sandbox.hubspot.desk import Desk
from crm_pipeline.sandbox.hubspot.first_day import new_portal, portal_number
from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal
from crm_pipeline.sandbox.hubspot.requests import Refused, error_reply
from crm_pipeline.sandbox.hubspot.search import BadSearch, SearchBroke
from crm_pipeline.sandbox.hubspot.users import HubSpotUsers

LONGEST_URL = 8192
BURST, BURST_SECONDS, SEARCHES, SEARCH_SECONDS = 110, 10.0, 4, 1.0
"""An OAuth app's calls per account, and searches per account; enforced only when `limits` is switched on."""

OBJECTS = r"/crm/(?:v3/objects|objects/20\d\d-\d\d)"
CONTACTS = rf"{OBJECTS}/(?:contacts|0-1)"
OWNERS = r"/crm/(?:v3/owners|owners/20\d\d-\d\d)"
PROPERTIES = r"/crm/(?:v3/properties|properties/20\d\d-\d\d)/(?:contacts?|0-1)"

Handler = Callable[..., Reply]
ROUTES: dict[str, Mapping[str, Handler]] = {
    CONTACTS: {"GET": contacts.list_contacts, "POST": contacts.create_contact},
    rf"{CONTACTS}/search": {"POST": contacts.search_contacts},
    rf"{CONTACTS}/batch/read": {"POST": contacts.batch_read},
    rf"{CONTACTS}/batch/update": {"POST": contacts.batch_update},
    rf"{CONTACTS}/merge": {"POST": contacts.merge_contacts},
    rf"{CONTACTS}/gdpr-delete": {"POST": contacts.gdpr_delete},
    rf"{CONTACTS}/([^/]+)": {
        "GET": contacts.read_contact,
        "PATCH": contacts.update_contact,
        "DELETE": contacts.archive_contact,
    },
    rf"{OBJECTS}/(?:companies|0-2)/batch/read": {"POST": around.read_companies},
    rf"{OBJECTS}/(?:companies|0-2)/search": {"POST": around.search_companies},
    rf"{OWNERS}/?": {"GET": around.list_owners},
    rf"{OWNERS}/([^/]+)": {"GET": around.read_owner},
    PROPERTIES: {"GET": around.list_properties},
    rf"{PROPERTIES}/([^/]+)": {"GET": around.read_property},
    r"/account-info/(?:v3|20\d\d-\d\d)/details": {"GET": around.account},
    r"/crm/(?:v3|20\d\d-\d\d)/limits/records": {"GET": around.record_counts},
}
PATTERNS = [(re.compile(pattern), methods) for pattern, methods in ROUTES.items()]


class HubSpotApi:
    """Answers requests from one portal. `limits` switches HubSpot's own rate limits on."""

    def __init__(self, portal: HubSpotPortal, *, clock: Clock, limits: bool = False) -> None:
        self.portal = portal
        self.limits = limits
        self._clock = clock
        self.users = HubSpotUsers(portal)
        self._desk = Desk(portal, clock)
        self._calls: deque[float] = deque()
        self._searches: deque[float] = deque()

    def answer(self, request: Request) -> Reply:
        """One request to api.hubapi.com whose token was good."""
        if len(request.path) + len(request.query) + 1 > LONGEST_URL:
            return Reply(414, b"<html><h1>414 Request-URI Too Large</h1></html>", content_type="text/html")
        is_search = request.path.endswith("/search")
        try:
            self._meter(is_search)
            reply = self._route(request)
        except Refused as refusal:
            reply = error_reply(refusal)
        except BadSearch as refusal:
            reply = error_reply(Refused(400, "VALIDATION_ERROR", str(refusal)))
        except SearchBroke as refusal:
            reply = error_reply(Refused(500, "INTERNAL_ERROR", str(refusal)))
        except NoSuchRecord as refusal:
            reply = error_reply(Refused(404, "OBJECT_NOT_FOUND", str(refusal)))
        if not is_search:
            reply.headers = {**reply.headers, **self._limit_headers()}
        return reply

    def act(self, action: str, body: Mapping[str, Any]) -> object:
        """A change made in HubSpot's screens."""
        return act(self.portal, action, body)

    def oracle(self) -> list[dict[str, Any]]:
        """Every live contact, and who is whom."""
        return self.portal.oracle()

    def _meter(self, is_search: bool) -> None:
        if not self.limits:
            return
        calls, most, window = self._calls, BURST, BURST_SECONDS
        if is_search:
            calls, most, window = self._searches, SEARCHES, SEARCH_SECONDS
        now = self._clock()
        with self.portal.lock:
            while calls and calls[0] <= now - window:
                calls.popleft()
            if len(calls) >= most:
                name = "secondly" if is_search else "ten_secondly_rolling"
                raise Refused(429, "", f"You have reached your {name} limit.", policyName=name.upper())
            calls.append(now)

    def _limit_headers(self) -> dict[str, str]:
        """Searches carry none; through Nango they are seen on errors and chunked answers only."""
        return {
            "X-HubSpot-RateLimit-Max": str(BURST),
            "X-HubSpot-RateLimit-Remaining": str(max(0, BURST - len(self._calls))),
            "X-HubSpot-RateLimit-Interval-Milliseconds": str(int(BURST_SECONDS * 1000)),
        }

    def _route(self, request: Request) -> Reply:
        for pattern, methods in PATTERNS:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            handler = methods.get(request.method)
            if handler is None:
                raise Refused(405, "VALIDATION_ERROR", f"Method {request.method} not allowed")
            with self.portal.lock:
                return handler(self._desk, request, *match.groups())
        raise Refused(404, "OBJECT_NOT_FOUND", "Unable to find the requested resource")


def open_hubspot(account: str, seed: int, contacts: int, clock: Clock) -> HubSpotApi:
    """The account's portal on its first day, with its API."""
    return HubSpotApi(new_portal(account, seed=seed, contacts=contacts, clock=clock), clock=clock)


def hubspot_config(account: str, seed: int) -> dict[str, Any]:
    """What Nango stores after connecting."""
    return {"portalId": portal_number(account, seed)}


def refuse_token(is_expired: bool) -> Reply:
    """401 in HubSpot's envelope."""
    if is_expired:
        message = "The OAuth token used to make this call expired 12 second(s) ago."
        return error_reply(Refused(401, "EXPIRED_AUTHENTICATION", message))
    return error_reply(Refused(401, "INVALID_AUTHENTICATION", "Authentication credentials not found."))


HUBSPOT = CrmKind(
    provider="hubspot",
    integration="hubspot",
    open=open_hubspot,
    connection_config=hubspot_config,
    refuse_token=refuse_token,
    habits=Habits(
        pages="/objects/contacts(/search)?$",
        list_key="results",
        page_limit=contacts.LIST_LIMIT,
        faults={
            name: PRESETS[preset]
            for name, preset in (
                ("rate_limited", "rate_limited"),
                ("daily_limit", "daily_limit"),
                ("missing_scope", "missing_scopes"),
                ("forbidden", "banned"),
                ("invalid_token", "invalid_token"),
                ("server_error", "server_error"),
            )
        },
        counts={"/limits/records$": {"hubspotDefinedObjectTypes": [{"objectTypeId": "0-1", "usage": 9_999_999}]}},
    ),
)
