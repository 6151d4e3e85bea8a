"""The application: routers, the gate before them, and errors in one shape."""

from __future__ import annotations

from pathlib import Path

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.staticfiles import StaticFiles

from crm_pipeline import __version__
from crm_pipeline.errors import PipelineError
from crm_pipeline.settings import Settings
from crm_pipeline.web import api, pages
from crm_pipeline.web.refusals import Refusal, refusal_of
from crm_pipeline.web.security import Access, Gate
from crm_pipeline.web.service import Service

STATIC = Path(__file__).with_name("static")


def create_app(settings: Settings) -> FastAPI:
    """The API and the page, for these settings; opens nothing before the first request."""
    app = FastAPI(title="crm-pipeline", version=__version__, docs_url=None, redoc_url=None)
    app.state.settings, app.state.service, app.state.access = settings, Service(settings), Access(settings)
    app.state.error_page = None
    """Set by the page: `(request, refusal) -> Response` for errors that a person sees."""
    app.include_router(api.router)
    pages.install(app)
    if STATIC.is_dir():
        app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(PipelineError, _refused)
    app.add_exception_handler(Exception, _refused)
    app.add_middleware(Gate, access=app.state.access)
    return app


def as_refusal(error: Exception) -> Refusal:
    """Whatever was raised, as the refusal that is answered."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, PipelineError):
        return refusal_of(error)
    raise NotImplementedError


async def _refused(request: Request, error: Exception) -> Response:
    refusal = as_refusal(error)
    page = request.app.state.error_page
    if page is not None and not request.url.path.startswith(("/api/", "/openapi.json")):
        answer: Response = page(request, refusal)
        return answer
    return JSONResponse(refusal.as_dict(), refusal.status, headers=refusal.headers)
