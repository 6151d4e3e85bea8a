"""Who may ask: the token of the API, the cookie of the page, the loopback; and what every answer carries.

One gate before all routes, so that none can be forgotten. Open are only the ways in: the login, static files, and the
two endpoints with a secret of their own.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import re
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import quote

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crm_pipeline.settings import Secret, Settings
from crm_pipeline.web.refusals import Refusal

COOKIE = "crm_pipeline_session"
SESSION_SECONDS = 12 * 3600
LARGEST_BODY = 1 << 20
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
OPEN_PATHS = frozenset({"/login", "/healthz", "/api/cron/sync-crm", "/api/webhooks/nango"})
OPEN_FOLDER = "/static/"
PROXY_HEADERS = ("forwarded", "x-forwarded-", "x-real-ip", "via")
"""How the headers begin of a request that came from elsewhere, although its last hop was on this machine."""
MOST_WRONG, WRONG_SECONDS = 60, 60.0
"""Wrong secrets of one address in that time; after that they are answered with the time to wait. The right one always
is answered: behind a proxy all have one address, and nobody must be able to lock the others out."""
MOST_ADDRESSES = 10_000

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


class Access:
    """Who may ask, by the settings. `is_open` is without a token: then only this machine itself may."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.time) -> None:
        self._token, self._cron = settings.api_token, settings.cron_secret
        self._keys = settings.nango_webhook_signing_keys
        self._clock = clock
        self._wrong = WrongSecrets()
        self._session_key = _session_key(self._token) if self._token else b""
        self._ended: dict[str, float] = {}
        """Sessions that were logged out of, until they would have ended anyway."""

    @property
    def is_open(self) -> bool:
        return self._token is None

    def check(self, request: Request) -> None:
        """Raise `Refusal` unless the request may go on to its route."""
        if self._token is None:
            require_loopback(request)
        elif _scheme(request) == "bearer":
            self.require_bearer(request, self._token)
            return  # a browser sends this for nobody but its own script
        elif not self.has_session(request):  # a proxy's own password comes as Basic with every click
            self._refuse_secret(request, is_wrong="authorization" in request.headers)
        if request.method not in SAFE_METHODS:
            require_same_origin(request)

    def require_cron(self, request: Request) -> None:
        """The secret of `GET /api/cron/sync-crm`; without one it is shut, and answers as to a wrong one."""
        self.require_bearer(request, self._cron)

    def require_bearer(self, request: Request, wanted: Secret | None) -> None:
        """`Authorization: Bearer …` with the wanted secret, compared in constant time."""
        given = request.headers.get("authorization", "").partition(" ")[2]
        is_right = _same(given.strip(), wanted) and _scheme(request) == "bearer"
        if not is_right:
            self._refuse_secret(request, is_wrong=True)

    def require_signature(self, request: Request, body: bytes) -> None:
        """Nango's signature over the raw body, with any of the keys."""
        given = request.headers.get("x-nango-hmac-sha256", "")
        is_right = False
        for key in self._keys:
            digest = hmac.new(key.reveal().encode(), body, hashlib.sha256).hexdigest()
            is_right |= hmac.compare_digest(digest.encode(), given.strip().lower().encode("utf-8", "replace"))
        if not is_right:
            self._refuse_secret(request, is_wrong=True)

    def is_token(self, request: Request, given: str) -> bool:
        """Whether a person typed the token; a wrong one counts."""
        if _same(given, self._token):
            return True
        self._count_wrong(request)
        return False

    def log_in(self, request: Request, response: Response) -> None:
        """Give the browser a session; it ends with its time, or when the token is changed."""
        until = int(self._clock()) + SESSION_SECONDS
        value = f"{until}.{secrets.token_urlsafe(12)}"
        response.set_cookie(
            COOKIE,
            f"{value}.{self._signed(value)}",
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="strict",
            secure=is_secure(request),
            path="/",
        )

    def log_out(self, request: Request, response: Response) -> None:
        """Take the session away from the browser, and from whoever has a copy of it, as long as this process runs."""
        now = self._clock()
        self._ended = {value: until for value, until in self._ended.items() if until >= now}
        if self.has_session(request):
            self._ended[request.cookies[COOKIE]] = now + SESSION_SECONDS
        response.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")

    def has_session(self, request: Request) -> bool:
        """Whether the browser's cookie is one of ours and still good."""
        cookie = request.cookies.get(COOKIE, "")
        value, _, signature = cookie.rpartition(".")
        is_signed = hmac.compare_digest(signature.encode("utf-8", "replace"), self._signed(value).encode())
        if not is_signed or cookie in self._ended:
            return False
        until = value.partition(".")[0]
        return until.isascii() and until.isdigit() and int(until) >= self._clock()

    def _signed(self, value: str) -> str:
        return hmac.new(self._session_key, value.encode("utf-8", "replace"), hashlib.sha256).hexdigest()

    def _refuse_secret(self, request: Request, *, is_wrong: bool) -> None:
        if is_wrong:
            self._count_wrong(request)
        raise Refusal(
            401,
            "unauthorized",
            "The secret is missing or wrong.",
            "Send `Authorization: Bearer` with CRM_API_TOKEN, or log in on the page; CRON_SECRET for the cron address, "
            "Nango's signature with its webhooks. What the server has no secret for stays shut.",
            headers={"WWW-Authenticate": "Bearer"},
        )

    def _count_wrong(self, request: Request) -> None:
        seconds = self._wrong.count(request.client.host if request.client else "")
        if seconds:
            raise Refusal(
                429,
                "too_many_requests",
                "Too many wrong secrets came from this address.",
                "Wait, and correct the secret. The right one is never refused.",
                headers={"Retry-After": str(seconds)},
            )


class WrongSecrets:
    """Counts by address, in a bounded memory."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def count(self, address: str) -> int:
        """One more wrong secret; the seconds to wait when there were too many, else 0."""
        now = self._clock()
        since, count = self._seen.pop(address, (now, 0))
        if now - since >= WRONG_SECONDS:
            since, count = now, 0
        self._seen[address] = since, count + 1
        while len(self._seen) > MOST_ADDRESSES:
            self._seen.popitem(last=False)
        return max(1, int(since + WRONG_SECONDS - now)) if count >= MOST_WRONG else 0


class Gate:
    """The middleware before all routes: bounded bodies, the check of who asks, the headers of every answer.

    `answered` makes an answer of whatever was raised, a page where a person asked for one.
    """

    def __init__(self, app: ASGIApp, access: Access, answered: Callable[[Request, Exception], Response]) -> None:
        self._app, self._access, self._answered = app, access, answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
                return
            await self._app(scope, receive, send)
            return
        request, has_begun = Request(scope), False

        async def send_with_headers(message: Message) -> None:
            nonlocal has_begun
            if message["type"] == "http.response.start":
                has_begun = True
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                if not scope["path"].startswith(OPEN_FOLDER):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        try:
            self._check(request)
        except Refusal as refusal:
            await self._refused(request, refusal)(scope, receive, send_with_headers)
            return
        try:
            await self._app(scope, _bounded(receive), send_with_headers)
        except Exception as error:
            if has_begun:  # it breaks off, so that nobody takes it for whole
                raise
            await self._answered(request, error)(scope, receive, send_with_headers)

    def _check(self, request: Request) -> None:
        path = request.scope["path"]
        refuse_large(request.headers)
        if not _is_way_in(path):
            self._access.check(request)
        elif self._access.is_open and path not in ("/api/cron/sync-crm", "/api/webhooks/nango"):
            require_loopback(request)

    def _refused(self, request: Request, refusal: Refusal) -> Response:
        """Who is at the page without a session is shown the login; a program the published envelope."""
        is_for_person = not is_for_program(request) and "text/html" in request.headers.get("accept", "")
        if not is_for_person:
            return JSONResponse(refusal.as_dict(), refusal.status, headers=refusal.headers)
        if refusal.status == 401:
            return RedirectResponse(f"/login?next={quote(_asked_for(request), safe='/')}", status_code=303)
        return self._answered(request, refusal)


def _is_way_in(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDER)


def is_for_program(request: Request) -> bool:
    """Whether an address is one of the API's, whose answers are JSON to everybody."""
    path: str = request.scope["path"]
    return path.startswith(("/api/", "/openapi.json"))


def _asked_for(request: Request) -> str:
    """The address that was asked for, as the browser wrote it; a form is not sent again after the login."""
    if request.method not in SAFE_METHODS:
        return "/"
    path: bytes = request.scope.get("raw_path") or b"/"
    query: bytes = request.scope["query_string"]
    return (path + (b"?" + query if query else b"")).decode("latin-1")


def next_page(target: str) -> str:
    """Where to go after the login: a path of ours, never another site's."""
    is_ours = target.startswith("/") and not target.startswith(("//", "/\\"))
    return target if is_ours and target.isprintable() else "/"


def refuse_large(headers: Headers) -> None:
    """No body here is large."""
    length = headers.get("content-length", "0")
    if not re.fullmatch("[0-9]{1,9}", length) or int(length) > LARGEST_BODY:
        raise too_large()


def too_large() -> Refusal:
    """The answer to a body beyond the bound."""
    return Refusal(413, "request_too_large", "The body is larger than 1 MB.", "Send less.")


def _bounded(receive: Receive) -> Receive:
    """The body as it comes, up to the bound, whatever was announced."""
    size = 0

    async def bounded() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > LARGEST_BODY:
            raise too_large()
        return message

    return bounded


def require_loopback(request: Request) -> None:
    """Without a token only this machine may ask: its address, by its own name, and not for somebody behind a proxy."""
    peer = request.client.host if request.client else ""
    named = _host_name(request.headers.get("host", ""))
    is_passed_on = any(name.startswith(PROXY_HEADERS) for name in request.headers)
    if is_loopback(peer) and is_loopback(named) and not is_passed_on:
        return
    raise Refusal(
        403,
        "forbidden",
        "Without CRM_API_TOKEN the API and the page answer on this computer only.",
        "Set CRM_API_TOKEN and send it, or open http://127.0.0.1 on the computer itself.",
    )


def require_same_origin(request: Request) -> None:
    """A page of another site must not press our buttons: a browser says which site it is that asks."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    host = request.headers.get("host", "")
    is_ours = site in (None, "same-origin", "none")
    if origin is not None:
        is_ours = is_ours and origin.lower() in (f"http://{host.lower()}", f"https://{host.lower()}")
    if not is_ours:
        raise Refusal(
            403, "forbidden", "Another site asked for this.", "Open the page itself, or send the token in a header."
        )


def is_loopback(host: str) -> bool:
    """Whether an address or a name is this machine's own."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_secure(request: Request) -> bool:
    """Whether the browser came over TLS, as far as is known here; a wrong word makes the cookie stricter only."""
    schemes: tuple[str, str] = request.scope["scheme"], request.headers.get("x-forwarded-proto", "").lower()
    return "https" in schemes


def _scheme(request: Request) -> str:
    """How a secret is sent: `bearer`, `basic`, or nothing."""
    return request.headers.get("authorization", "").partition(" ")[0].lower()


def _host_name(host: str) -> str:
    """The name in a Host header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.rpartition(":")[0] if host.count(":") == 1 else host


def _same(given: str, wanted: Secret | None) -> bool:
    """Compared in constant time; nothing is the same as no secret."""
    right = hashlib.sha256((wanted.reveal() if wanted else secrets.token_hex()).encode()).digest()
    return hmac.compare_digest(hashlib.sha256(given.encode("utf-8", "surrogatepass")).digest(), right) and bool(wanted)


def _session_key(token: Secret) -> bytes:
    return hashlib.sha256(b"crm-pipeline session\x1f" + token.reveal().encode()).digest()
