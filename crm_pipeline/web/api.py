"""The JSON routes of the product; see `/docs`. What they do is `service.py`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import orjson
from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from crm_pipeline.commands.text import iso
from crm_pipeline.errors import PipelineError
from crm_pipeline.web import models
from crm_pipeline.web.leads import USUAL_SORT, Wanted, find_leads
from crm_pipeline.web.refusals import Refusal, not_found
from crm_pipeline.web.security import Access
from crm_pipeline.web.service import LONG_POLL, SHORT_POLL, Service
from crm_pipeline.web.states import SyncState

WORDS = {
    400: "The body cannot be read.",
    401: "The secret is missing or wrong.",
    403: "Asked from elsewhere: without CRM_API_TOKEN only this computer is answered, and another site never is.",
    404: "It is not there, or it is another account's.",
    409: "Something has to be done first; the error says what.",
    413: "The body is larger than 1 MB.",
    422: "Something in the request is not as it must be.",
    429: "Too many wrong secrets came from this address.",
    500: "A setting is wrong, or we made a mistake.",
    502: "Nango refused the key, or answered nonsense.",
    503: "Dagster, Nango or the store is not there now; try again.",
}


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems that a route may answer, for the OpenAPI document."""
    return {
        status: {"model": models.Problem, "description": WORDS[status]}
        for status in sorted({400, 401, 403, 413, 422, 429, 500, 503, *statuses})
    }


router = APIRouter(prefix="/api")
USUAL = models.Sort(USUAL_SORT)
Account = Annotated[models.AccountId, Query()]


@router.post(
    "/crm/connect/session",
    tags=["connections"],
    summary="Invite a person to connect a CRM",
    responses=answers(404, 409, 502),
)
def connect_session(body: models.AskConnectSession, request: Request) -> models.ConnectSessionAnswer:
    """A link to Nango's Connect, where the person who owns the CRM consents; it is good for half an hour."""
    session = _service(request).connect_session(body.account_id, body.provider.value)
    return models.ConnectSessionAnswer(
        token=session.token, connect_link=session.connect_link, expires_at=session.expires_at
    )


@router.post(
    "/crm/connect",
    tags=["connections"],
    summary="Adopt a connection that was made at Nango",
    responses=answers(404, 409, 502),
)
def connect(body: models.AskConnect, request: Request) -> models.ConnectAnswer:
    """Verified at Nango, saved, and synced at once. Another account's connection is answered like an unknown one."""
    service = _service(request)
    connection, started = service.connect(body.account_id, body.provider.value, body.connection_id)
    shown = models.Connection(
        account_id=connection.account_id,
        provider=connection.provider,
        connection_id=connection.id,
        nango_connection_id=connection.nango_connection_id,
        connected=True,
        state="active",
        last_synced_at=connection.last_synced_at,
        last_sync_id=None,
        last_status=None,
        sentence=None,
        notes=[],
        last_error=None,
    )
    return models.ConnectAnswer(connection=shown, sync_id=started.sync_id)


@router.post(
    "/crm/sync",
    tags=["syncs"],
    summary="Sync an account",
    response_model=models.SyncsEnded,
    responses={
        200: {"description": "All syncs are over."},
        202: {"model": models.SyncsStarted, "description": "Some are still under way."},
        **answers(404, 409),
    },
)
async def sync(body: models.AskSync, request: Request) -> Response:
    """A run of Dagster's for each active connection of the account; one that is under way already is joined."""
    if body.force and body.provider is None:
        raise Refusal(
            422, "invalid_request", "`force` believes a removal that one CRM shows.", "Say which in `provider`."
        )
    service, threads = _service(request), request.app.state.syncing
    start = partial(
        service.start_sync,
        body.account_id,
        body.provider.value if body.provider else None,
        body.strategy,
        preview_of=body.preview_of if body.strategy == "preview" else None,
        full=body.full,
        force=body.force,
    )
    ids = [one.sync_id for one in await to_thread.run_sync(start, limiter=threads)]
    await _waited(service, ids, body.wait_seconds, threads)
    states = await to_thread.run_sync(service.states, ids, limiter=threads)
    syncs = await to_thread.run_sync(lambda: [_shown(service, state) for state in states], limiter=threads)
    if all(state.is_over for state in states):
        ended = models.SyncsEnded(success=all(one.success for one in states), results=_sum(states), syncs=syncs)
        return _json(ended)
    return _json(models.SyncsStarted(sync_ids=ids, syncs=syncs), 202)


@router.get("/crm/syncs/{sync_id}", tags=["syncs"], summary="How a sync stands", responses=answers(404))
def sync_state(
    sync_id: UUID, request: Request, account_id: Annotated[models.AccountId | None, Query()] = None
) -> models.Sync:
    """Its state, progress while it is under way, results once it has ended; of `account_id` only, where it is given."""
    service = _service(request)
    state = service.sync_state(sync_id, account_id)
    if state is None:
        raise not_found("There is no such sync.", "Ask for one that `POST /api/crm/sync` named.")
    return _shown(service, state)


@router.get("/crm/status", tags=["connections"], summary="Whether an account's CRM is connected", responses=answers())
def status(account_id: Account, request: Request) -> models.Status:
    """An account that has never connected anything is not connected."""
    found = _service(request).status(account_id)
    return models.Status(
        connected=found.connected,
        provider=found.provider,
        lastSyncedAt=found.last_synced_at,
        connections=[models.Connection.of(one) for one in found.connections],
        as_of=found.as_of,
    )


@router.post(
    "/crm/disconnect", tags=["connections"], summary="Let go of an account's CRM", responses=answers(404, 409, 502)
)
def disconnect(body: models.AskDisconnect, request: Request) -> models.DisconnectAnswer:
    """Deleted at Nango, unless it is to be kept there, and synced no more; contacts and leads stay."""
    _service(request).disconnect(body.account_id, body.provider.value, keep_at_nango=body.keep_at_nango)
    return models.DisconnectAnswer()


@router.get("/leads", tags=["leads"], summary="An account's leads", responses=answers())
def leads(
    account_id: Account,
    request: Request,
    limit: Annotated[int, Query(ge=1, le=models.MOST_LEADS)] = 50,
    offset: Annotated[int, Query(ge=0, le=2**53)] = 0,
    search: Annotated[
        str,
        Query(max_length=models.SEARCH_LENGTH, description="In name, e-mail, company and owner, or a phone or an id."),
    ] = "",
    sort: Annotated[models.Sort, Query(description="A column.")] = USUAL,
    order: Annotated[str, Query(pattern="^(asc|desc)$", description="Times begin with the latest otherwise.")] = "",
) -> models.Leads:
    """A page of them; `total` counts all that the search finds."""
    wanted = Wanted.of(search, sort.value, order)
    looked = _service(request).reader.look(
        ("leads", account_id, wanted, limit, offset),
        lambda session: find_leads(session, account_id, wanted, limit=limit, offset=offset),
    )
    page = looked.seen
    return models.Leads(
        leads=[_plain(row) for row in page.rows], total=page.total, limit=limit, offset=offset, as_of=looked.as_of
    )


@router.get(
    "/cron/sync-crm",
    tags=["machines"],
    summary="Sync everybody",
    responses=answers(),
    openapi_extra={"security": [{"cron": []}]},
)
def sync_everybody(request: Request) -> models.EverythingStarted:
    """For a clock outside, with `Authorization: Bearer CRON_SECRET`. Shut while CRON_SECRET is not set.

    Dagster's own schedule does the same every hour. A connection that was synced within five minutes is left alone.
    """
    _access(request).require_cron(request)
    ids, count = _service(request).start_everything()
    return models.EverythingStarted(started=count, sync_ids=ids)


@router.post(
    "/webhooks/nango",
    tags=["machines"],
    summary="Events of Nango",
    status_code=202,
    responses=answers(409, 502),
    openapi_extra={
        "security": [{"nango": []}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
    },
)
async def nango_event(request: Request) -> models.Accepted:
    """Signed with one of NANGO_WEBHOOK_SIGNING_KEY over the raw body (`X-Nango-Hmac-Sha256`). Shut while none is set.

    A connection that was made is saved and synced; one that can be renewed no longer has to be connected again.
    Everything else is taken and left alone.
    """
    body = await request.body()
    _access(request).require_signature(request, body)
    try:
        event = orjson.loads(body)
    except orjson.JSONDecodeError:
        event = None
    started = None
    if isinstance(event, dict):
        started = await run_in_threadpool(_service(request).nango_event, event)
    return models.Accepted(sync_id=started.sync_id if started else None)


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


async def _waited(service: Service, ids: Sequence[UUID], seconds: float, threads: CapacityLimiter) -> None:
    """Until all are over or the time is; a caller who waits has no thread meanwhile."""
    until, pause, waiting = time.monotonic() + seconds, SHORT_POLL, list(ids)
    while waiting and time.monotonic() < until:
        try:
            waiting = await to_thread.run_sync(service.pending, waiting, limiter=threads)
        except PipelineError:  # the syncs are asked for; how they stand can be asked later
            return
        if waiting:
            await asyncio.sleep(max(0.0, min(pause, until - time.monotonic())))
            pause = min(pause * 1.5, LONG_POLL)


def _shown(service: Service, state: SyncState) -> models.Sync:
    is_told = state.strategy == "preview" and state.state in ("succeeded", "held")
    return models.Sync.of(state, service.preview_difference(state.sync_id) if is_told else None)


def _sum(states: Sequence[SyncState]) -> models.Results:
    return models.Results(
        **{name: sum((state.results or {}).get(name, 0) for state in states) for name in models.COUNTS}
    )


def _json(answer: Any, status_code: int = 200) -> Response:
    return JSONResponse(answer.model_dump(mode="json", by_alias=True), status_code)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """A lead as JSON knows it; a product's own column may be of any type."""
    encoded: dict[str, Any] = orjson.loads(orjson.dumps(row, default=_text, option=orjson.OPT_PASSTHROUGH_DATETIME))
    return encoded


def _text(value: object) -> str:
    return iso(value) if isinstance(value, datetime) and value.tzinfo else str(value)
