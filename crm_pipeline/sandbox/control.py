"""Control of a running sandbox over HTTP, for tests in another process; every route has a Python method beside it.

    POST   /sandbox/<provider>/<account>/<action>  create edit delete ..., as the CRM itself calls them
    GET    /sandbox/oracle/<account>[/<provider>]  the live contacts, complete
    POST   /sandbox/accounts/<account>             {"provider": "zoho"}: one more connection; a new CRM if there is none
    GET    /sandbox/connections                    also shows what is wrong with each
    POST   /sandbox/connections/<account>/break    {"trouble": "refresh"}, or another of connections.TROUBLES
    POST   /sandbox/connections/<account>/heal
    GET, POST, DELETE /sandbox/faults              DELETE /sandbox/faults/<id>
    GET, DELETE       /sandbox/journal             what was asked of Nango
    POST   /sandbox/set                            {"nango_limit": 200, "hubspot_limits": true, "scopes": [...],
                                                   "webhook_url": "http://127.0.0.1:8000/...", "webhook_key": "..."}
    GET    /sandbox/connect?session_token=...      asks a person to consent, in place of the CRM's own screen
    POST   /sandbox/connect                        the form of that page: session_token, answer=authorize or refuse

No key is needed: the server listens on the loopback address only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import orjson

from crm_pipeline.sandbox import CRMS, consent
from crm_pipeline.sandbox.crm import BadControl, NoSuchRecord
from crm_pipeline.sandbox.exchange import Reply, Request, json_reply
from crm_pipeline.sandbox.faults import BadFault
from crm_pipeline.sandbox.people import FIRST_CRM

if TYPE_CHECKING:
    from crm_pipeline.sandbox.server import Sandbox

Body = Mapping[str, Any]
SETTINGS = frozenset({"nango_limit", "hubspot_limits", "scopes", "webhook_url", "webhook_key"})


class Control:
    """Answers `/sandbox/...` and carries out the `before` actions of faults."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def answer(self, request: Request) -> Reply:
        """One control request; errors say what is wrong in `error`."""
        parts = [part for part in request.path.split("/") if part][1:]
        try:
            if request.method == "GET" and parts == ["connect"]:
                return self._ask(dict(request.pairs()).get("session_token", ""))
            if request.method == "POST" and parts == ["connect"]:
                return self._consent(dict(parse_qsl(request.body.decode(errors="replace"))))
            body = orjson.loads(request.body) if request.body else {}
            if not isinstance(body, dict):
                raise BadControl("the body must be a JSON object")
            return json_reply(200, self._route(request.method, parts, body))
        except KeyError as error:
            return json_reply(404, {"error": f"{error.args[0]!r} is not here, or missing in the body"})
        except NoSuchRecord as error:
            return json_reply(404, {"error": str(error)})
        except (BadControl, BadFault, ValueError, TypeError, AttributeError) as error:
            return json_reply(400, {"error": str(error)})

    def act(self, action: Body) -> object:
        """One change: `{"account": "acme", "action": "edit", "id": "840...", "properties": {...}}`."""
        crm = self._sandbox.crm(str(action.get("provider", "hubspot")), str(action["account"]))
        return crm.act(str(action["action"]), action)

    def _route(self, method: str, parts: list[str], body: dict[str, Any]) -> object:
        match method, parts:
            case "POST", ["connections", account, ("break" | "heal") as action]:
                return self._connection(account, action, body)
            case "GET", ["connections"]:
                return {"connections": [self._shown(one) for one in self._sandbox.book.all()]}
            case "POST", ["accounts", account]:
                connection = self._sandbox.connect(account, str(body.get("provider", "hubspot")), tags=body.get("tags"))
                return {"connection_id": connection.connection_id}
            case "GET", ["oracle", account, *provider]:
                return {"contacts": self._sandbox.crm("".join(provider) or "hubspot", account).oracle()}
            case "GET", ["journal"]:
                return {"requests": [asdict(seen) for seen in list(self._sandbox.journal)]}
            case "DELETE", ["journal"]:
                self._sandbox.journal.clear()
                return {}
            case _, ["faults", *rest]:
                return self._faults(method, rest, body)
            case "POST", ["set"]:
                return self._set(body)
            case "POST", [provider, account, action]:
                return self.act(body | {"provider": provider, "account": account, "action": action})
        raise KeyError("/".join(parts))

    def _shown(self, connection: Any) -> dict[str, Any]:
        row: dict[str, Any] = connection.row()
        return row | {"account": connection.account, "trouble": connection.trouble}

    def _connection(self, account: str, action: str, body: Body) -> object:
        book = self._sandbox.book
        found = [one for one in book.of_account(account) if body.get("integration") in (None, one.integration)]
        if not found:
            raise KeyError(account)
        for connection in found:
            if action == "heal":
                book.heal(connection)
            else:
                book.break_connection(connection, str(body.get("trouble", "refresh")))
                if connection.errors:
                    self._sandbox.webhooks.tell(connection, "refresh", success=False)
        return {"connections": [one.connection_id for one in found]}

    def _ask(self, token: str) -> Reply:
        session = self._sandbox.nango.api.sessions.get(token)
        if session is None:
            return consent.over()
        return consent.question(token, consent.title_of(self._provider(session)), session.account)

    def _consent(self, form: Mapping[str, str]) -> Reply:
        """A session works once; its `account_id` tag says whose connection it becomes, its integration to which CRM."""
        session = self._sandbox.nango.api.sessions.pop(form.get("session_token", ""), None)
        if session is None:
            return consent.over()
        if form.get("answer") != "authorize":
            return consent.refused()
        if session.connection is not None:
            self._sandbox.book.heal(session.connection)
            self._sandbox.webhooks.tell(session.connection, "override")
        else:
            made = self._sandbox.connect(session.account, self._provider(session), tags=session.tags)
            self._sandbox.webhooks.tell(made, "creation")
        return consent.connected()

    def _provider(self, session: consent.ConnectSession) -> str:
        kinds = {kind.integration: kind.provider for kind in CRMS.values()}
        return next((kinds[one] for one in session.allowed if one in kinds), FIRST_CRM)

    def _faults(self, method: str, rest: list[str], body: dict[str, Any]) -> object:
        faults = self._sandbox.faults
        match method, rest:
            case "POST", []:
                return faults.add(**body).as_object()
            case "GET", []:
                return {"faults": [fault.as_object() for fault in faults.all()]}
            case "DELETE", []:
                faults.clear()
                return {}
            case "DELETE", [number] if number.isdigit() and faults.remove(int(number)):
                return {}
        raise KeyError("/".join(["faults", *rest]))

    def _set(self, body: Body) -> object:
        unknown = sorted(set(body) - SETTINGS)
        if unknown:
            raise BadControl(f"nothing is called {unknown[0]!r}; there are {', '.join(sorted(SETTINGS))}")
        if "nango_limit" in body:
            limit = body["nango_limit"]
            self._sandbox.nango.rate_limit = None if limit is None else int(limit)
        if "scopes" in body:
            self._sandbox.nango.api.scopes = set(body["scopes"])
        if "webhook_url" in body:
            self._sandbox.webhooks.url = None if body["webhook_url"] is None else str(body["webhook_url"])
        if "webhook_key" in body:
            self._sandbox.webhooks.key = str(body["webhook_key"])
        if "hubspot_limits" in body:
            self._sandbox.switch_limits(bool(body["hubspot_limits"]))
        return {}
