"""Paging that stays inside the proxy and comes to an end, whatever the CRM says the next page is."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urlsplit

from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.bodies import safe_text

EMPTY_PAGES, REPEATS = 10, 3
"""So many empty pages in a row, each promising another, are taken for an endless list; so many page tokens that were
there before, for a loop. A page that came twice by accident repeats one."""

_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def path_of(link: str, base: str = "") -> str:
    """The path and query of a CRM's link to its next page, to be asked for through the proxy.

    An absolute link followed as it is would leave the proxy and reach whatever host it names; so the host is dropped.
    `base` is the path that Nango puts in front by itself (`/api` for Pipedrive) and is taken off.
    """
    try:
        parts = urlsplit(link.strip())
    except ValueError:
        raise _refused(link, "it is no address") from None
    if parts.scheme not in ("", "https", "http") or (parts.scheme and not parts.netloc):
        raise _refused(link, "it is no web address")
    path = parts.path
    if not path.startswith("/"):
        raise _refused(link, "it has no absolute path")
    base = base.rstrip("/")
    if base and path.startswith(base + "/"):
        path = path[len(base) :]
    target = path + (f"?{parts.query}" if parts.query else "")
    return encode_target(target)


def encode_target(target: str) -> str:
    """A path with optional query, percent-encoded for Nango; what is encoded already stays.

    `$`, `{` and `}` never pass: Nango would fill `${access_token}` in. Neither do `.` and `..` as parts of the
    path, which could lead from the proxy to Nango's own API.
    """
    path, mark, query = target.partition("?")
    if any(_plain(part) in (".", "..") for part in re.split(r"[/\\]", _plain(path))):
        raise _refused(target, "its path has dot segments")
    path = quote(_BARE_PERCENT.sub("%25", path), safe="/%:@-._~!&'()*+,;=")
    query = quote(_BARE_PERCENT.sub("%25", query), safe="/?%:@-._~!&'()*+,;=")
    return "/" + path.lstrip("/") + mark + query


def _plain(text: str) -> str:
    return unquote(unquote(text))


def _refused(link: str, why: str) -> ProviderError:
    return ProviderError("unexpected_response", f"refused the link {safe_text(link.partition('?')[0])!r}: {why}")


class PageGuard:
    """Watches the page tokens of one list, and stops a list that repeats itself or never ends."""

    def __init__(self, call: str) -> None:
        self._call = call
        self._seen: set[str] = set()
        self._empty = self._repeats = 0

    def check(self, token: str, rows: int) -> None:
        """Called after each page with its number of rows and the token of the next; raises `pagination_loop`."""
        self._empty = 0 if rows else self._empty + 1
        self._repeats += token in self._seen
        if self._repeats >= REPEATS:
            raise ProviderError("pagination_loop", f"{self._call} gave page tokens again that it had given before")
        if self._empty >= EMPTY_PAGES:
            raise ProviderError("pagination_loop", f"{self._call} gave {EMPTY_PAGES} empty pages in a row")
        self._seen.add(token)
