"""What Nango tells the product of connections: a signed POST, tried once, off until an address is set."""

from __future__ import annotations

import hashlib
import hmac
import threading
import urllib.error
import urllib.request
from contextlib import suppress

import orjson

from crm_pipeline.sandbox.connections import Connection

TIMEOUT = 20.0


class Webhooks:
    """The address and its key, as Nango's environment settings hold them."""

    def __init__(self) -> None:
        self.url: str | None = None
        self.key = "sandbox-signing-key"

    def tell(self, connection: Connection, operation: str, *, success: bool = True) -> None:
        """`creation`, `override`, or a `refresh` that failed; nobody waits for it."""
        if self.url is not None:
            event = auth_event(connection, operation, success=success)
            threading.Thread(target=self._post, args=(self.url, event), daemon=True).start()

    def _post(self, url: str, event: bytes) -> None:
        headers = {"Content-Type": "application/json", "X-Nango-Hmac-Sha256": signature(self.key, event)}
        request = urllib.request.Request(url, event, headers, method="POST")
        with suppress(OSError, urllib.error.URLError), urllib.request.urlopen(request, timeout=TIMEOUT):
            pass


def auth_event(connection: Connection, operation: str, *, success: bool = True) -> bytes:
    """The body of an event about a connection."""
    event = {
        "type": "auth", "from": "nango", "environment": "sandbox", "authMode": "OAUTH2", "operation": operation,
        "provider": connection.provider, "providerConfigKey": connection.integration,
        "connectionId": connection.connection_id, "tags": connection.tags, "success": success,
    }  # fmt: skip
    if not success:
        event["error"] = {"type": "refresh_token_external_error", "description": "The refresh token was refused"}
    return orjson.dumps(event, option=orjson.OPT_SORT_KEYS)


def signature(key: str, body: bytes) -> str:
    """`X-Nango-Hmac-Sha256`."""
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
