"""The page behind a connect link, in place of Nango's Connect and of the CRM's own screen: a person agrees, or not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from crm_pipeline.sandbox.exchange import Reply

if TYPE_CHECKING:
    from crm_pipeline.sandbox.connections import Connection

STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:26rem;margin:4rem auto;"
    "padding:0 1rem}button{font:inherit;padding:.5rem 1rem;margin-right:.5rem}"
)


TITLES = {"hubspot": "HubSpot", "gohighlevel": "GoHighLevel", "zoho": "Zoho CRM"}


@dataclass(frozen=True, slots=True)
class ConnectSession:
    """What an open invitation is for: whose tags, which integrations, and which connection is made anew."""

    tags: Mapping[str, str]
    allowed: tuple[str, ...]
    connection: Connection | None = None

    @property
    def account(self) -> str:
        """Whose CRM it is about."""
        return self.connection.account if self.connection else self.tags.get("account_id", "untagged")


def title_of(provider: str) -> str:
    """How people write a CRM."""
    return TITLES.get(provider, provider.capitalize())


def question(token: str, title: str, account: str) -> Reply:
    """May we read the contacts?"""
    return _page(
        200,
        f"Connect {title}",
        f"<p>The sandbox stands for {escape(title)}. An app asks to read the contacts of "
        f"<strong>{escape(account)}</strong>.</p>"
        '<form method="post" action="/sandbox/connect">'
        f'<input type="hidden" name="session_token" value="{escape(token)}">'
        '<button name="answer" value="authorize">Authorize</button>'
        '<button name="answer" value="refuse">Refuse</button></form>',
    )


def connected() -> Reply:
    """The person agreed."""
    return _page(200, "Connected", "<p>Connected. You can close this page.</p>")


def refused() -> Reply:
    """The person did not agree; Nango tells nobody."""
    return _page(200, "Not connected", "<p>Nothing was connected. You can close this page.</p>")


def over() -> Reply:
    """The session is unknown, or was used."""
    return _page(404, "Not found", "<p>This link is unknown, or it was used. Ask for a new one.</p>")


def _page(status: int, title: str, body: str) -> Reply:
    html = (
        f"<!DOCTYPE html><html lang='en'><meta charset='utf-8'><title>{escape(title)}</title>"
        f"<meta name='viewport' content='width=device-width, initial-scale=1'><style>{STYLE}</style>"
        f"<h1>{escape(title)}</h1>{body}</html>"
    )
    return Reply(status, html.encode(), content_type="text/html; charset=utf-8")
