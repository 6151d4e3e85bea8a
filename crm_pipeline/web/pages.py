"""The page: what an account manager reads. Every route is one look at the store and one template; see `actions.py`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterator
from functools import partial
from math import ceil
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, FastAPI
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from crm_pipeline.commands.lead import tell_lead
from crm_pipeline.commands.leads import record_url
from crm_pipeline.domain.reasons import REASONS
from crm_pipeline.errors import PipelineError
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.warehouse.session import Row, Session
from crm_pipeline.web import words
from crm_pipeline.web.leads import BATCH, MOMENTS, Wanted, csv_header, csv_rows, find_ids, find_leads
from crm_pipeline.web.reader import Look, Reader
from crm_pipeline.web.refusals import Refusal, not_found
from crm_pipeline.web.service import Service
from crm_pipeline.web.states import SyncState

router = APIRouter(include_in_schema=False)

Seen = TypeVar("Seen")

HERE = Path(__file__).parent
LEADS, THREADS, REJECTED, SYNCS, ACCOUNTS = 50, 25, 50, 50, 100
"""Rows of a page."""
MOST_CHANGES = 50
EXPORT_WAIT = 120.0
"""Seconds that an export which has begun waits for a sync, as a sync itself would; then the download breaks off."""
MOST_PAGE = 10**9
MOST_FOLLOWED = 20
"""Syncs that one page shows the progress of."""
LEAD_COLUMNS = (
    "name", "phone", "email", "company", "crm_owner", "crm_status", "crm_stage", "crm_description",
    "crm_last_activity_at", "contacted_at", "crm_source", "lead_type", "crm_id", "crm_owner_email", "crm_inactive_at",
    "created_at", "updated_at",
)  # fmt: skip


class Pages:
    """What every page needs: the templates and the reader."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self._templates = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            auto_reload=False,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.filters |= words.FILTERS
        self._templates.globals |= {
            "asset": _assets(), "providers": PROVIDERS, "problem": words.problem, "reason": words.reason,
            "moments": MOMENTS, "steps": words.STEPS, "totals": words.TOTALS, "query": urlencode,
        }  # fmt: skip

    def render(self, request: Request, template: str, status: int = 200, **values: object) -> HTMLResponse:
        """A page; it may know who is logged in, and nothing else of the request."""
        has_login = not request.app.state.access.is_open
        text = self._templates.get_template(template).render(
            {"account": None, "here": None, "as_of": None, "is_busy": False, "has_login": has_login, **values}
        )
        return HTMLResponse(text, status)


def install(app: FastAPI) -> None:
    """The page, in an application that has its service."""
    from crm_pipeline.web import actions

    app.state.pages = Pages(app.state.service.reader)
    app.state.error_page = error_page
    app.include_router(router)
    app.include_router(actions.router)


def pages_of(request: Request) -> Pages:
    pages: Pages = request.app.state.pages
    return pages


def service_of(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def error_page(request: Request, refusal: Refusal) -> Response:
    """Any error, for a person; where it passes by itself, the page asks again."""
    what, then = words.problem(refusal.code)
    if refusal.code == "not_found":
        what, then = "This page is not there.", "It may have been moved, or it belongs to another account."
    elif refusal.code not in words.ERRORS and refusal.status < 500:
        what, then = refusal.message, refusal.action
    is_passing = refusal.code == "warehouse_locked" and request.method in ("GET", "HEAD")
    told = None if refusal.code == "not_found" or is_passing else refusal.message
    parts = request.scope["path"].split("/")
    account_id = words.account_of(parts[2]) if parts[1] == "accounts" and len(parts) > 2 and told else None
    answer = pages_of(request).render(
        request,
        "error.html",
        refusal.status,
        account=account_id,
        what=what,
        then=then,
        told=told,
        is_passing=is_passing,
    )
    answer.headers.update(refusal.headers or {})
    return answer


@router.get("/")
def accounts(request: Request, q: str = "", page: str = "") -> Response:
    """Every account, and how its CRMs are."""
    number, search = _page(page), _text(q)

    def work(session: Session) -> list[Row]:
        asked: dict[str, Any] = {
            "search": search.lower() or None,
            "row_limit": ACCOUNTS,
            "row_offset": (number - 1) * ACCOUNTS,
        }
        return session.rows("pages/accounts", **asked)

    look = pages_of(request).reader.look(("accounts", search, number), work)
    if not look.seen and number > 1:
        return RedirectResponse(f"/?{urlencode({'q': search})}" if search else "/", 303)
    total = look.seen[0]["total"] if look.seen else 0
    return pages_of(request).render(
        request, "accounts.html", here="accounts", as_of=look.as_of, rows=look.seen, q=search,
        paging=_paging(number, ACCOUNTS, total, "/", {"q": search}),
    )  # fmt: skip


@router.get("/accounts/{part}")
def account(request: Request, part: str, page: str = "") -> Response:
    """An account's CRMs, and the threads with its leads."""
    number = _page(page)

    def work(session: Session, account_id: str) -> tuple[list[Row], list[Row], int, int]:
        asked = {"account_id": account_id}
        threads = session.rows("pages/threads", **asked, row_limit=THREADS, row_offset=(number - 1) * THREADS)
        count = session.rows("reports/thread_count", **asked)[0]["threads"] if threads else 0
        leads = session.rows("reports/lead_count", **asked)[0]["leads"]
        return session.rows("reports/status", **asked), threads, count, leads

    account_id, look = _look(request, part, ("account", number), work)
    rows, threads, count, leads = look.seen
    states = _followed(request, account_id)
    connections = [_connection(row, states.get(row["connection_id"])) for row in rows]
    return pages_of(request).render(
        request, "account.html", account=account_id, here="account", as_of=look.as_of,
        connections=[one for one in connections if one["row"]["is_active"]],
        former=[one for one in connections if not one["row"]["is_active"]],
        is_busy=any(one["is_busy"] for one in connections), threads=threads, leads=leads,
        paging=_paging(number, THREADS, count, f"/accounts/{words.segment(account_id)}", {}),
    )  # fmt: skip


@router.get("/accounts/{part}/leads")
def leads(request: Request, part: str, q: str = "", sort: str = "", order: str = "", page: str = "") -> Response:
    """The leads: searched, in any order, page by page."""
    wanted, number = Wanted.of(q, sort, order), _page(page)
    account_id, look = _look(
        request, part, ("leads", wanted, number),
        lambda session, name: find_leads(session, name, wanted, limit=LEADS, offset=(number - 1) * LEADS),
    )  # fmt: skip
    path = f"/accounts/{words.segment(account_id)}/leads"
    kept = {"q": wanted.search, "sort": wanted.sort, "order": wanted.order}
    if not look.seen.rows and look.seen.total and number > 1:
        last = ceil(look.seen.total / LEADS)
        return RedirectResponse(f"{path}?{urlencode(kept | {'page': last})}", 303)
    return pages_of(request).render(
        request, "leads.html", account=account_id, here="leads", as_of=look.as_of, rows=look.seen.rows, path=path,
        wanted=wanted, columns=LEAD_COLUMNS, paging=_paging(number, LEADS, look.seen.total, path, kept),
    )  # fmt: skip


@router.get("/accounts/{part}/leads.csv")
def leads_csv(request: Request, part: str, q: str = "", sort: str = "", order: str = "") -> Response:
    """All leads that a search finds, with all their columns, for a spreadsheet."""
    account_id, wanted, reader = words.account_of(part), Wanted.of(q, sort, order), pages_of(request).reader

    def begin(session: Session) -> tuple[list[str], list[UUID]]:
        _known(session, account_id)
        columns = [row["column_name"] for row in session.rows("reports/lead_columns")]
        return columns, find_ids(session, account_id, wanted)

    columns, ids = reader.read(begin)

    def pieces() -> Iterator[bytes]:
        yield csv_header(columns)
        for start in range(0, len(ids), BATCH):
            work = partial(csv_rows, account_id=account_id, ids=ids[start : start + BATCH], columns=columns)
            yield reader.read(work, wait=EXPORT_WAIT)

    headers = {"Content-Disposition": 'attachment; filename="leads.csv"'}
    return StreamingResponse(pieces(), media_type="text/csv; charset=utf-8", headers=headers)


@router.get("/accounts/{part}/leads/{lead_id}")
def lead(request: Request, part: str, lead_id: str) -> Response:
    """One lead: its contacts in each CRM, why they are one person, where each field comes from, its changes."""
    key = _uuid(lead_id)

    def work(session: Session, account_id: str) -> dict[str, Any]:
        known = session.rows("reports/lead_identity", lead_id=str(key))
        mine = [row for row in known if row["account_id"] == account_id]
        if not mine:
            raise _missing()
        return tell_lead(session, mine[0])

    account_id, look = _look(request, part, ("lead", key), work)
    if look.seen["merged_into"]:
        return RedirectResponse(f"/accounts/{words.segment(account_id)}/leads/{look.seen['merged_into']}", 303)
    return pages_of(request).render(
        request, "lead.html", account=account_id, here="leads", as_of=look.as_of, told=look.seen,
        fields=[_field(one) for one in look.seen["fields"] if one["value"] is not None or one["others"]],
        changes=[_change(one) for one in look.seen["changes"] if one["field"] in words.TOLD_FIELDS][:MOST_CHANGES],
    )  # fmt: skip


@router.get("/accounts/{part}/not-synced")
def not_synced(request: Request, part: str, reason: str = "", page: str = "") -> Response:
    """Contacts that are no leads: why, and where to fix each."""
    number, chosen = _page(page), reason if reason in REASONS else None

    def work(session: Session, account_id: str) -> tuple[list[Row], list[Row]]:
        asked: dict[str, Any] = {"account_id": account_id}
        reasons = session.rows("reports/rejections_by_reason", **asked)
        only = chosen or (reasons[0]["reason"] if len(reasons) == 1 else None)
        offset = (number - 1) * REJECTED
        return reasons, session.rows("pages/rejections", **asked, reason=only, row_limit=REJECTED, row_offset=offset)

    account_id, look = _look(request, part, ("not-synced", chosen, number), work)
    reasons, rows = look.seen
    total = sum(row["contacts"] for row in reasons if chosen in (None, row["reason"]))
    path = f"/accounts/{words.segment(account_id)}/not-synced"
    return pages_of(request).render(
        request, "not_synced.html", account=account_id, here="not-synced", as_of=look.as_of, reasons=reasons,
        chosen=chosen, rows=[row | {"url": _link(row)} for row in rows], path=path,
        total=sum(row["contacts"] for row in reasons),
        paging=_paging(number, REJECTED, total, path, {"reason": chosen} if chosen else {}),
    )  # fmt: skip


@router.get("/accounts/{part}/history")
def history(request: Request, part: str, page: str = "") -> Response:
    """Past syncs, the newest first."""
    number = _page(page)

    def work(session: Session, account_id: str) -> list[Row]:
        offset = (number - 1) * SYNCS
        return session.rows("pages/history", account_id=account_id, row_limit=SYNCS + 1, row_offset=offset)

    account_id, look = _look(request, part, ("history", number), work)
    total = (number - 1) * SYNCS + len(look.seen)
    path = f"/accounts/{words.segment(account_id)}/history"
    return pages_of(request).render(
        request, "history.html", account=account_id, here="history", as_of=look.as_of, rows=look.seen[:SYNCS],
        paging=_paging(number, SYNCS, total, path, {}),
    )  # fmt: skip


@router.get("/accounts/{part}/preview/{sync_id}")
def preview(request: Request, part: str, sync_id: str) -> Response:
    """What a sync would change, before anybody says that it shall."""
    account_id, key = words.account_of(part), _uuid(sync_id)
    state = service_of(request).sync_state(key, account_id)
    if state is None or state.strategy != "preview":
        raise _missing()
    difference = service_of(request).preview_difference(key, account_id) if state.is_over else None
    return pages_of(request).render(
        request, "preview.html", account=account_id, here="account", state=state, is_busy=not state.is_over,
        difference=difference, of=state.preview_of or "append",
    )  # fmt: skip


def _look(request: Request, part: str, key: Hashable, work: Callable[[Session, str], Seen]) -> tuple[str, Look[Seen]]:
    """A look at an account that there is; any other is missing."""
    account_id = words.account_of(part)

    def known(session: Session) -> Seen:
        _known(session, account_id)
        return work(session, account_id)

    return account_id, pages_of(request).reader.look((account_id, key), known)


def _known(session: Session, account_id: str) -> None:
    if "\x00" in account_id or not account_id or not session.rows("pages/account", account_id=account_id):
        raise _missing()


def _missing() -> Refusal:
    return not_found("This page is not there.", "Look at the address, or go back to the accounts.")


def _field(told: dict[str, Any]) -> dict[str, Any]:
    """A field of a lead; of the other contacts those that say the same together, and each that says something else."""
    field, value = told["field"], told["value"]
    others = [] if field in words.OF_THE_CONTACT else told["others"]
    same = [one for one in others if words.readable(field, one["value"]) == words.readable(field, value)]
    return {
        "field": field, "value": words.readable(field, value), "source": told["source"], "same": same,
        "others": [one | {"value": words.readable(field, one["value"])} for one in others if one not in same],
    }  # fmt: skip


def _change(told: dict[str, Any]) -> dict[str, Any]:
    before, after = (words.readable(told["field"] or "", told[name]) for name in ("old_value", "new_value"))
    return told | {"old_value": before, "new_value": after}


def _connection(row: Row, state: SyncState | None) -> dict[str, Any]:
    """A connection as the page shows it: the sync under way, whether the page follows it or it runs by itself."""
    is_known = state is not None and state.sync_id == row["sync_id"]
    if state is not None and state.is_over and (is_known or state.state == "succeeded"):
        state = None  # the row tells how it ended
    is_running = row["status"] == "running" or (state is not None and not state.is_over)
    records = max(row["fetched"] or 0 if row["status"] == "running" else 0, _records(state))
    step = state.progress.step if state is not None and state.progress else None
    if step is None:
        step = "fetching" if row["status"] == "running" else "queued"
    return {"row": row, "state": state, "is_busy": is_running, "records": records, "step": step}


def _records(state: SyncState | None) -> int:
    return state.progress.records if state is not None and state.progress else 0


def _followed(request: Request, account_id: str) -> dict[UUID, SyncState]:
    """The syncs that the address names, by connection; what is not this account's is passed over."""
    found: dict[UUID, SyncState] = {}
    for text in request.query_params.getlist("sync")[:MOST_FOLLOWED]:
        try:
            state = service_of(request).sync_state(UUID(text), account_id)
        except ValueError:
            continue
        except PipelineError:
            break  # the books tell of them as soon as they can be read; nobody waits for each in turn
        if state is not None and state.connection_id is not None:
            found[state.connection_id] = state
    return found


def _link(row: Row) -> str | None:
    """The record in its CRM, where its address is one that a browser may open."""
    url = record_url(row)
    return url if url and url.startswith("https://") else None


def _paging(number: int, size: int, total: int, path: str, kept: dict[str, Any]) -> dict[str, Any]:
    """Where one is among the pages, and the addresses around."""
    last = max(1, ceil(total / size))

    def address(page: int) -> str:
        asked = {name: value for name, value in kept.items() if value} | ({"page": page} if page > 1 else {})
        return f"{path}?{urlencode(asked)}" if asked else path

    return {
        "number": number, "last": last, "total": total, "first_row": (number - 1) * size + 1,
        "last_row": min(number * size, total),
        "to_first": address(1) if number > 2 else None,
        "to_previous": address(number - 1) if number > 1 else None,
        "to_next": address(number + 1) if number < last else None,
        "to_last": address(last) if number < last - 1 else None,
    }  # fmt: skip


def _page(text: str) -> int:
    return min(max(int(text), 1), MOST_PAGE) if text.isascii() and text.isdigit() and len(text) < 12 else 1


def _text(text: str) -> str:
    return Wanted.of(text).search


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _missing() from None


def _assets() -> Callable[[str], str]:
    """The address of a static file, which changes with what is in it."""
    digests = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in (HERE / "static").iterdir()}
    return lambda name: f"/static/{name}?v={digests[name]}"
