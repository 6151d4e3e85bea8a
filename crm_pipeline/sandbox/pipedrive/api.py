"""Pipedrive's API as the pipeline meets it: which path leads where, scopes, rate limits, refusals.

Requests arrive with the `/api` that Nango's base address ends in: `/api/v2/persons`, `/api/v1/users`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

from crm_pipeline.sandbox.crm import CrmKind, Habits, Meter, NoSuchRecord
from crm_pipeline.sandbox.exchange import Clock, Reply, Request
from crm_pipeline.sandbox.fault_answers import Answer
from crm_pipeline.sandbox.pipedrive import lists
from crm_pipeline.sandbox.pipedrive.account import CONTACT_SYNC, WRITABLE, Account
from crm_pipeline.sandbox.pipedrive.first_day import new_account
from crm_pipeline.sandbox.pipedrive.requests import MOST_LIMIT, Refused, error_body, error_reply
from crm_pipeline.sandbox.pipedrive.users import PipedriveUsers, act

BURST, BURST_SECONDS = 80, 2.0
"""An OAuth app's calls per token on the smallest plan; enforced only when `limits` is switched on."""
DAILY_TOKENS = 30_000
"""A day's tokens of the smallest plan with one seat; told and enforced only when `limits` is switched on."""
DAY_SECONDS = 86_400
BASE_PATH = "/api"
SCOPES = frozenset({"base", "contacts:read", "users:read", "activities:read"})

Handler = Callable[..., Reply]
ROUTES: tuple[tuple[str, str | None, int, Handler], ...] = (
    ("/v2/persons", "contacts:read", 10, lists.list_persons),
    (r"/v2/persons/(\d+)", "contacts:read", 1, lists.read_person),
    ("/v2/organizations", "contacts:read", 10, lists.list_organizations),
    ("/v2/activities", "activities:read", 10, lists.list_activities),
    ("/v2/personFields", "contacts:read", 10, lists.list_person_fields),
    ("/v1/users", "users:read", 20, lists.list_users),
    ("/v1/users/(me)", None, 2, lists.read_user),
    (r"/v1/users/(\d+)", "users:read", 2, lists.read_user),
)
"""Path, the scope it needs, its price in tokens, and who answers."""
PATTERNS = [(re.compile(BASE_PATH + path), scope, price, handler) for path, scope, price, handler in ROUTES]
UNSERVED = re.compile(
    r"/api/(?:v2/(?:persons/search|deals|stages|pipelines|leads/search|organizationFields|products|activities/\d+"
    r"|organizations/\d+|itemSearch).*|v1/(?:leads|leadLabels|notes|recents|webhooks|persons/\d+/(?:merge|changelog)).*)"
)
"""There at Pipedrive, and not served here."""


class PipedriveApi:
    """Answers requests from one company. `limits` switches Pipedrive's own rate limits on.

    `scopes` are those of the app. `daily_tokens` is the company's budget of a day.
    """

    def __init__(self, account: Account, *, clock: Clock, limits: bool = False) -> None:
        self.account = account
        self.limits = limits
        self.scopes = set(SCOPES)
        self.daily_tokens = DAILY_TOKENS
        self._clock = clock
        self._users = PipedriveUsers(account)
        self._calls = Meter(BURST, BURST_SECONDS, clock)
        self._day, self._spent = -1, 0
        self._counting = threading.Lock()

    @property
    def users(self) -> PipedriveUsers:
        """What people do in Pipedrive, in words that all CRMs share."""
        return self._users

    def answer(self, request: Request) -> Reply:
        """One request to the company's host whose token was good."""
        headers: dict[str, str] = {}
        try:
            reply = self._route(request, headers)
            reply.chunked = True
        except Refused as refusal:
            reply = error_reply(refusal)
        except NoSuchRecord as refusal:
            reply = error_reply(Refused(404, str(refusal)))
        reply.headers = {**reply.headers, **headers}
        return reply

    def act(self, action: str, body: Mapping[str, Any]) -> object:
        """A change made in Pipedrive's screens, or `set` for how the company and the app are set up."""
        if action == "set" and body.keys() & {"scopes", "daily_tokens"}:
            self.scopes = set(body.get("scopes", self.scopes))
            self.daily_tokens = int(body.get("daily_tokens", self.daily_tokens))
            body = {name: value for name, value in body.items() if name not in ("scopes", "daily_tokens")}
        return act(self.account, action, body)

    def oracle(self) -> list[dict[str, Any]]:
        """Every live person with all its fields, and who is whom."""
        with self.account.lock:
            rows = [self.account.persons.live[number] for number in sorted(self.account.persons.live)]
            include = sorted(WRITABLE - {*CONTACT_SYNC, "name", "first_name", "last_name", "custom_fields"})
            return [lists.person_object(self.account, row, include) | {"human": row.human} for row in rows]

    def _route(self, request: Request, headers: dict[str, str]) -> Reply:
        for pattern, scope, price, handler in PATTERNS:
            match = pattern.fullmatch(request.path)
            if match is None:
                continue
            if request.method != "GET":
                raise Refused(501, f"This sandbox serves {request.path} for reading only")
            self._pay(price, headers)
            if scope is not None and scope not in self.scopes:
                # https://pipedrive.readme.io/docs/marketplace-scopes-and-permissions-explanations
                raise Refused(403, "Scope and URL mismatch", "Please check developers.pipedrive.com", errorCode=403)
            with self.account.lock:
                return handler(self.account, request, *match.groups())
        if UNSERVED.fullmatch(request.path):
            raise Refused(501, f"This sandbox does not serve {request.path}")
        raise Refused(404, "unknown method .")

    def _pay(self, price: int, headers: dict[str, str]) -> None:
        """Both budgets, and the headers that tell of them."""
        with self._counting:
            allowed = not self.limits or self._calls.take()
            headers |= {
                "x-ratelimit-limit": str(BURST), "x-ratelimit-remaining": str(self._calls.left),
                "x-ratelimit-reset": str(int(BURST_SECONDS)),
            }  # fmt: skip
            if not self.limits:
                return
            day = int(self._clock() // DAY_SECONDS)
            if day != self._day:
                self._day, self._spent = day, 0
            affordable = self._spent + price <= self.daily_tokens
            if allowed and affordable:
                self._spent += price
            left = self.daily_tokens - self._spent if affordable else 0
            headers["x-daily-ratelimit-token-limit"] = str(self.daily_tokens)
            headers["x-daily-ratelimit-token-remaining"] = str(left)
            if not allowed or not affordable:
                raise Refused(429, "request over limit", errorCode=429)


def open_pipedrive(account: str, seed: int, contacts: int, clock: Clock) -> PipedriveApi:
    """The account's Pipedrive company on its first day, with its API."""
    return PipedriveApi(new_account(account, seed=seed, contacts=contacts, clock=clock), clock=clock)


def pipedrive_config(account: str, seed: int) -> dict[str, Any]:
    """What Nango stores after connecting."""
    return {"api_domain": f"https://{account}.pipedrive.com"}


def refuse_token(is_expired: bool) -> Reply:
    """401 in Pipedrive's envelope."""
    error = "Invalid token: access token is invalid" if is_expired else "unauthorized access"
    return error_reply(Refused(401, error, errorCode=401))


def _fault(status: int, error: str, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    return Answer(status=status, body=error_body(error, **more), headers=headers or {})


_BURST_HEADERS = {"x-ratelimit-limit": "80", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "2"}
_SPENT = {"x-daily-ratelimit-token-limit": "30000", "x-daily-ratelimit-token-remaining": "0"}
_BLOCKED = "<!DOCTYPE html><html><head><title>Access denied | Cloudflare</title></head><body>Error 1015</body></html>"
FAULTS: Mapping[str, Answer] = {
    "rate_limited": _fault(429, "request over limit", _BURST_HEADERS, errorCode=429),
    "daily_limit": _fault(429, "request over limit", _BURST_HEADERS | _SPENT, errorCode=429),
    "missing_scope": _fault(403, "Scope and URL mismatch", errorCode=403),
    "forbidden": _fault(403, "Feature capping limit reached", code="feature_capping_custom_fields_limit"),
    "invalid_token": _fault(401, "unauthorized access", errorCode=401),
    "server_error": _fault(500, "Internal Server Error", code="ERR_UNKNOWN"),
    "unpaid": _fault(402, "Payment required"),
    "blocked": Answer(status=403, body=_BLOCKED, headers={"server": "cloudflare"}),
}
"""Pipedrive's own words for what can go wrong; `blocked` is the gateway in front of it."""

PIPEDRIVE = CrmKind(
    provider="pipedrive",
    integration="pipedrive",
    open=open_pipedrive,
    connection_config=pipedrive_config,
    refuse_token=refuse_token,
    habits=Habits(pages="^/api/v2/persons$", list_key="data", page_limit=MOST_LIMIT, faults=FAULTS),
    base_path=BASE_PATH,
)
