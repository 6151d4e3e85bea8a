"""The application: routers, the gate before them, and errors in one shape."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio import CapacityLimiter
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from crm_pipeline import __version__
from crm_pipeline.errors import PipelineError
from crm_pipeline.settings import Settings
from crm_pipeline.web import api, docs, pages
from crm_pipeline.web.refusals import Refusal, refusal_of
from crm_pipeline.web.security import Access, Gate, is_for_program
from crm_pipeline.web.service import Service

STATIC = Path(__file__).with_name("static")
SECURITY = {
    "token": {"type": "http", "scheme": "bearer", "description": "CRM_API_TOKEN; none is needed where none is set."},
    "cron": {"type": "http", "scheme": "bearer", "description": "CRON_SECRET."},
    "nango": {"type": "apiKey", "in": "header", "name": "X-Nango-Hmac-Sha256", "description": "Nango's signature."},
}
SYNC_THREADS = 8
"""For all callers together who start syncs and wait for them: a Dagster that hangs must not stop what needs none."""
DESCRIPTION = (
    "Keeps a product's leads in step with its customers' CRMs. Errors are always "
    '`{"success": false, "error": {"code", "message", "action"}}`.'
)
WORDS = {
    400: ("invalid_request", "The request cannot be read.", "Send JSON as the OpenAPI document says."),
    404: ("not_found", "There is nothing here.", "Look at /docs for what there is."),
    405: ("method_not_allowed", "This address does not take that method.", "Look at /docs for what there is."),
}
logger = logging.getLogger(__name__)


def create_app(settings: Settings) -> FastAPI:
    """The API and the page, for these settings; opens nothing before the first request."""
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.syncing = CapacityLimiter(SYNC_THREADS)
        yield
        service.close()

    app = FastAPI(
        title="crm-pipeline",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    app.state.settings, app.state.service, app.state.access = settings, service, Access(settings)
    app.state.error_page = None
    """Set by the page: `(request, refusal) -> Response` for errors that a person sees."""
    app.include_router(api.router)
    app.include_router(docs.router)
    pages.install(app)
    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for kind in (HTTPException, RequestValidationError, PipelineError):
        app.add_exception_handler(kind, _refused)
    app.add_middleware(Gate, access=app.state.access, answered=answered)
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    return app


def openapi(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document, with who may call what."""
    if app.openapi_schema is None:
        document = FastAPI.openapi(app)
        document["components"]["securitySchemes"] = SECURITY
        document["security"] = [{"token": []}, {}] if app.state.access.is_open else [{"token": []}]
        app.openapi_schema = document
    return app.openapi_schema


def as_refusal(error: Exception) -> Refusal:
    """Whatever was raised, as the refusal that is answered."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, PipelineError):
        return refusal_of(error)
    if isinstance(error, RequestValidationError):
        return _invalid(error)
    if isinstance(error, HTTPException):
        code, message, action = WORDS.get(error.status_code, ("invalid_request", str(error.detail), "Look at /docs."))
        return Refusal(error.status_code, code, message, action, headers=dict(error.headers or {}))
    logger.error("a request failed", exc_info=error)
    return refusal_of(PipelineError("internal_error", f"{type(error).__name__} in our own code."))


def _invalid(error: RequestValidationError) -> Refusal:
    """What is wrong, by the place it is in; never what was sent."""
    found = [
        f"{'.'.join(str(part) for part in one['loc'] if part != 'body') or 'the body'}: {one['msg']}"
        for one in error.errors()[:5]
    ]
    return Refusal(422, "invalid_request", f"The request is not as it must be: {'; '.join(found)}.", "See /docs.")


def answered(request: Request, error: Exception) -> Response:
    """Whatever was raised, as a person reads it or a program."""
    refusal = as_refusal(error)
    page = request.app.state.error_page
    if page is not None and not is_for_program(request):
        answer: Response = page(request, refusal)
        return answer
    return JSONResponse(refusal.as_dict(), refusal.status, headers=refusal.headers)


async def _refused(request: Request, error: Exception) -> Response:
    return answered(request, error)
