"""What a person does on the page: connect, refresh, preview, apply, disconnect, log in. Plain forms, which work without
a script; what is done is the service's, and afterwards the browser is sent to a page that shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from crm_pipeline.errors import DagsterError
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.warehouse.session import Row
from crm_pipeline.web import words
from crm_pipeline.web.pages import _look, _missing, pages_of, service_of
from crm_pipeline.web.refusals import Refusal
from crm_pipeline.web.security import next_page
from crm_pipeline.web.states import StartedSync

router = APIRouter(include_in_schema=False)

Field = Annotated[str, Form()]
LONGEST_ACCOUNT = 200
SEE_OTHER = 303
STRATEGIES = ("append", "overwrite")


@router.get("/connect")
def choose(request: Request, account: str = "", provider: str = "") -> Response:
    """Whose CRM is to be connected, and which."""
    name = account.strip()[:LONGEST_ACCOUNT]
    return pages_of(request).render(
        request,
        "choose.html",
        here="connect",
        name=name,
        chosen=provider if provider in PROVIDERS else None,
        wrong=None,
    )


@router.post("/connect")
def connect(request: Request, account: Field = "", provider: Field = "") -> Response:
    """A link to open, and a page that waits until the connection is there."""
    name = account.strip()
    if not _is_account(name) or provider not in PROVIDERS:
        wrong = "Choose a CRM." if _is_account(name) else "Enter the account’s name, at most 200 characters."
        return pages_of(request).render(
            request, "choose.html", 422, here="connect", name=name[:LONGEST_ACCOUNT], wrong=wrong,
            chosen=provider if provider in PROVIDERS else None,
        )  # fmt: skip
    before = service_of(request).connections_before(name, provider)
    session = service_of(request).connect_session(name, provider)
    return _waiting(request, name, provider, before, session.connect_link)


@router.get("/connect/found")
def found(request: Request, account: str = "", provider: str = "", before: str = "") -> Response:
    """Whether the connection is there: what the waiting page asks."""
    if not _is_account(account) or provider not in PROVIDERS:
        raise _missing()
    return JSONResponse({"found": service_of(request).find_new_connection(account, provider, before) is not None})


@router.post("/connected")
def connected(
    request: Request, account: Field = "", provider: Field = "", before: Field = "", link: Field = ""
) -> Response:
    """Adopt the connection that was made, and show its first sync."""
    if not _is_account(account) or provider not in PROVIDERS:
        raise _missing()
    new = service_of(request).find_new_connection(account, provider, before, is_told=True)
    if new is None:
        return _waiting(request, account, provider, before, link, is_early=True)
    try:
        _, started = service_of(request).connect(account, provider, new.nango_connection_id)
    except DagsterError:  # the connection is saved; its first sync begins by itself once Dagster is there
        return _to_account(account, [])
    return _to_account(account, [started] if started else [])


@router.post("/accounts/{part}/refresh")
def refresh(
    request: Request, part: str, provider: Field = "", strategy: Field = "append", force: Field = ""
) -> Response:
    """Sync one CRM of the account, or all of them."""
    account_id, name = words.account_of(part), _provider(provider)
    if strategy not in STRATEGIES or (force and name is None):
        raise _missing()
    started = service_of(request).start_sync(account_id, name, strategy, force=force == "yes")
    return _to_account(account_id, started)


@router.post("/accounts/{part}/preview")
def preview(request: Request, part: str, provider: Field = "", strategy: Field = "append") -> Response:
    """Find out what a sync would change."""
    account_id, name = words.account_of(part), _provider(provider)
    if strategy not in STRATEGIES or name is None:
        raise _missing()
    (started, *_) = service_of(request).start_sync(account_id, name, "preview", preview_of=strategy)
    return RedirectResponse(f"/accounts/{words.segment(account_id)}/preview/{started.sync_id}", SEE_OTHER)


@router.get("/accounts/{part}/disconnect/{provider}")
def ask_disconnect(request: Request, part: str, provider: str) -> Response:
    """The question before a CRM is let go."""

    def work(session: object, account_id: str) -> list[Row]:
        return session.rows("reports/status", account_id=account_id)  # type: ignore[attr-defined, no-any-return]

    account_id, look = _look(request, part, ("status",), work)
    if not any(row["provider"] == provider and row["is_active"] for row in look.seen):
        raise _missing()
    return pages_of(request).render(request, "disconnect.html", account=account_id, here="account", provider=provider)


@router.post("/accounts/{part}/disconnect/{provider}")
def disconnect(request: Request, part: str, provider: str) -> Response:
    """Let go of it; the leads stay."""
    account_id = words.account_of(part)
    if provider not in PROVIDERS:
        raise _missing()
    service_of(request).disconnect(account_id, provider)
    return _to_account(account_id, [])


@router.get("/login")
def login(request: Request, next: str = "/") -> Response:
    """Where a person types the token."""
    access = request.app.state.access
    if access.is_open or access.has_session(request):
        return RedirectResponse(next_page(next), SEE_OTHER)
    return pages_of(request).render(request, "login.html", here="login", next=next_page(next), wrong=None)


@router.post("/login")
def log_in(request: Request, token: Field = "", next: Field = "/") -> Response:
    """A session for the browser, or the form again."""
    access = request.app.state.access
    if access.is_open:
        return RedirectResponse(next_page(next), SEE_OTHER)
    try:
        is_right = access.is_token(request, token.strip())
        wrong = None if is_right else "This is not the access code."
        status = 200 if is_right else 401
    except Refusal as refusal:
        is_right, wrong, status = False, "Too many tries. Wait a minute.", refusal.status
    if not is_right:
        return pages_of(request).render(request, "login.html", status, here="login", next=next_page(next), wrong=wrong)
    answer = RedirectResponse(next_page(next), SEE_OTHER)
    access.log_in(request, answer)
    return answer


@router.post("/logout")
def log_out(request: Request) -> Response:
    """The browser's session ends."""
    answer = RedirectResponse("/login", SEE_OTHER)
    request.app.state.access.log_out(request, answer)
    return answer


def _waiting(request: Request, name: str, provider: str, before: str, link: str, *, is_early: bool = False) -> Response:
    is_link = link.startswith(("https://", "http://"))
    asked = urlencode({"account": name, "provider": provider, "before": before})
    return pages_of(request).render(
        request, "connect.html", here="connect", name=name, provider=provider, link=link if is_link else None,
        before=before, found=f"/connect/found?{asked}", is_early=is_early,
    )  # fmt: skip


def _to_account(account_id: str, started: Iterable[StartedSync]) -> Response:
    syncs = "&".join(f"sync={quote(str(one.sync_id))}" for one in started)
    return RedirectResponse(f"/accounts/{words.segment(account_id)}{'?' + syncs if syncs else ''}", SEE_OTHER)


def _provider(text: str) -> str | None:
    if text and text not in PROVIDERS:
        raise _missing()
    return text or None


def _is_account(name: str) -> bool:
    return 0 < len(name) <= LONGEST_ACCOUNT and name.isprintable()
