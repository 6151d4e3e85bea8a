"""Zoho's CRM API as the pipeline meets it: which path leads where, scopes, permissions, credits, refusals.

https://www.zoho.com/crm/developer/docs/api/v8/
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from typing import Any

from crm_pipeline.sandbox.crm import BadControl, CrmKind, Habits, Meter
from crm_pipeline.sandbox.exchange import Clock, Reply, Request
from crm_pipeline.sandbox.fault_answers import Answer
from crm_pipeline.sandbox.zoho.coql import module_named, run_query
from crm_pipeline.sandbox.zoho.desk import ZohoUsers
from crm_pipeline.sandbox.zoho.first_day import new_org
from crm_pipeline.sandbox.zoho.lists import (
    check_module,
    count_records,
    list_deleted,
    list_fields,
    list_records,
    list_users,
    read_record,
)
from crm_pipeline.sandbox.zoho.org import ZohoOrg
from crm_pipeline.sandbox.zoho.records import CONTACTS, LEADS
from crm_pipeline.sandbox.zoho.requests import PAGE_LIMIT, Refused, unserved

DAY_SECONDS = 86_400.0
CENTRES = ("com", "eu", "com.au")
"""Data centres; which one an account is in follows from the seed."""
MODULE = r"/crm/v8/([A-Z]\w*)"
RECORDS: dict[str, Callable[..., Reply]] = {
    MODULE: list_records,
    rf"{MODULE}/deleted": list_deleted,
    rf"{MODULE}/actions/count": count_records,
    rf"{MODULE}/(\d+)": read_record,
}
DOCUMENTED = (
    rf"{MODULE}/(search|upsert)", rf"{MODULE}/(\d+/)?actions/\w+", r"/crm/bulk/v8/\w+", r"/crm/v8/settings/\w+",
    r"/crm/v8/actions/watch", r"/crm/v8/users/\d+", r"/crm/v8/org",
)  # fmt: skip
SETTINGS = frozenset({
    "lag", "missing_scopes", "missing_modules", "forbidden", "shows_conversion", "knows_approved", "chain_rows",
    "page_rows", "credits",
})  # fmt: skip
ADDRESSED = frozenset({"provider", "account", "action"})


class ZohoApi:
    """Answers requests from one org. `limits` counts the credits of 24 hours; concurrency is not played."""

    def __init__(self, org: ZohoOrg, *, clock: Clock, limits: bool = False) -> None:
        self.org = org
        self.limits = limits
        self.users = ZohoUsers(org)
        self._clock = clock
        self._meter = Meter(org.credits, DAY_SECONDS, clock)

    def answer(self, request: Request) -> Reply:
        """One request to www.zohoapis.* whose token was good."""
        with self.org.lock:
            try:
                self._pay()
                reply = self._route(request)
            except Refused as refusal:
                reply = refusal.reply()
            if self.limits and self._meter.left * 2 <= self._meter.calls:
                reply.headers = {**reply.headers, "X-API-CREDITS-REMAINING": str(self._meter.left)}
            return reply

    def act(self, action: str, body: Mapping[str, Any]) -> object:
        """A change made in Zoho's screens; `set` turns a knob of the org."""
        org = self.org
        match action:
            case "create":
                return {"id": org.create(str(body["module"]), body["fields"])}
            case "edit":
                org.edit(body["id"], body["fields"], touch=bool(body.get("touch", True)))
            case "delete":
                org.delete(body["id"])
            case "restore":
                org.restore(body["id"], touch=bool(body.get("touch", False)))
            case "purge":
                org.purge(body["id"])
            case "merge":
                return {"id": org.merge(body["master"], body["other"])}
            case "convert":
                return {"contact": org.convert(body["id"])}
            case "set":
                self._set({name: value for name, value in body.items() if name not in ADDRESSED})
            case _:
                raise BadControl(f"there are create, edit, delete, restore, purge, merge, convert, set; no {action!r}")
        return {}

    def oracle(self) -> list[dict[str, Any]]:
        """Every live lead and contact with all its fields, converted leads included, and who is whom."""
        org = self.org
        with org.lock:
            return [
                org.as_object(module, row, [*org.fields[module], "$converted_detail"], alone=True)
                | {"human": row.human, "object_type": object_type}
                for object_type, module in (("lead", LEADS), ("contact", CONTACTS))
                for row in org.shelves[module].live.values()
            ]

    def _set(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            if name not in SETTINGS:
                raise BadControl(f"nothing is called {name!r}; there are {', '.join(sorted(SETTINGS))}")
            if name == "lag":
                self.users.set_lag(float(value))
            else:
                kind = type(getattr(self.org, name))
                setattr(self.org, name, kind(value))

    def _pay(self) -> None:
        """Every call here costs one credit."""
        if not self.limits:
            return
        self._meter.calls = self.org.credits
        if not self._meter.take():
            raise Refused(429, "TOO_MANY_REQUESTS", "too many requests fired. please try again after some time")

    def _route(self, request: Request) -> Reply:
        method, path = request.method, request.path
        if path == "/crm/v8/users":
            self._need(method, "GET", "ZohoCRM.users.READ")
            return list_users(self.org, request)
        if path == "/crm/v8/settings/fields":
            self._need(method, "GET", "ZohoCRM.settings.fields.READ")
            return list_fields(self.org, request)
        if path == "/crm/v8/coql":
            self._need(method, "POST", "ZohoCRM.coql.READ")
            self._scope(f"ZohoCRM.modules.{module_named(request).lower()}.READ")
            return run_query(self.org, request)
        for pattern, handler in RECORDS.items():
            match = re.fullmatch(pattern, path)
            if match is not None:
                module = match[1]
                self._need(method, "GET", f"ZohoCRM.modules.{module.lower()}.READ")
                if handler is count_records:
                    self._scope("ZohoSearch.securesearch.READ")
                    self._scope("ZohoCRM.settings.layouts.READ")
                check_module(self.org, module)
                return handler(self.org, request, *match.groups())
        if any(re.fullmatch(pattern, path) for pattern in DOCUMENTED):
            raise unserved(f"{method} {path}")
        raise Refused(404, "INVALID_URL_PATTERN", "Please check if the URL trying to access is a correct one")

    def _need(self, method: str, wanted: str, scope: str) -> None:
        if method != wanted:
            raise unserved(f"the method {method} here")
        self._scope(scope)

    def _scope(self, scope: str) -> None:
        if scope in self.org.missing_scopes:
            raise Refused(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL")


def open_zoho(account: str, seed: int, contacts: int, clock: Clock) -> ZohoApi:
    """The account's org on its first day, with its API."""
    return ZohoApi(new_org(account, seed=seed, contacts=contacts, clock=clock), clock=clock)


def zoho_config(account: str, seed: int) -> dict[str, Any]:
    """What Nango stores after connecting."""
    centre = random.Random(f"{seed}:{account}:centre").choice(CENTRES)
    return {
        "extension": centre, "api_domain": f"https://www.zohoapis.{centre}",
        "accounts-server": f"https://accounts.zoho.{centre}",
    }  # fmt: skip


def refuse_token(is_expired: bool) -> Reply:
    """401; Zoho has one word for tokens that are too old and for those it never gave."""
    return Refused(401, "INVALID_TOKEN", "invalid oauth token").reply()


def _fault(status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **details: Any) -> Answer:
    body = {"code": code, "details": details, "message": message, "status": "error"}
    return Answer(status=status, body=body, headers=headers or {})


ZOHO = CrmKind(
    provider="zoho",
    integration="zoho-crm",
    open=open_zoho,
    connection_config=zoho_config,
    refuse_token=refuse_token,
    habits=Habits(
        pages=r"/crm/v8/(Leads|Contacts)$",
        list_key="data",
        page_limit=PAGE_LIMIT,
        faults={
            "rate_limited": _fault(429, "TOO_MANY_REQUESTS", "too many requests fired"),
            "daily_limit": _fault(
                429, "TOO_MANY_REQUESTS", "too many requests fired", {"X-API-CREDITS-REMAINING": "0"}
            ),
            "missing_scope": _fault(401, "OAUTH_SCOPE_MISMATCH", "invalid oauth scope to access this URL"),
            "forbidden": _fault(403, "NO_PERMISSION", "permission denied", permissions=["Crm_Implied_View_Leads"]),
            "invalid_token": _fault(401, "INVALID_TOKEN", "invalid oauth token"),
            "server_error": _fault(500, "INTERNAL_ERROR", "Internal Server Error"),
        },
        counts={r"/crm/v8/(Leads|Contacts)/actions/count$": {"count": 9_999_999}},
    ),
)
