"""A person at a browser: opens pages, and complains of everything that the browser complains of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, expect

CHROMIUM = os.environ.get("CRM_TEST_CHROMIUM", "/usr/bin/chromium")
PATIENCE = 15_000.0
"""Milliseconds until something has to be there, on a machine that does other things as well."""
WATCHED = """
addEventListener("securitypolicyviolation", (event) => console.error(`policy: ${event.violatedDirective}`));
"""
expect.set_options(timeout=PATIENCE)


@dataclass(slots=True)
class Window:
    """A page in a context of its own, and what was complained of since it was opened."""

    page: Page
    context: BrowserContext
    complaints: list[str] = field(default_factory=list)

    def open(self, address: str, *, status: int = 200) -> Page:
        """Go there; the answer has to have that status."""
        answer = self.page.goto(address)
        assert answer is not None
        assert answer.status == status, (address, answer.status, self.page.content()[:2000])
        if status >= 400:  # the browser notes an answer that is no success; nothing else is forgiven
            self.complaints[:] = [one for one in self.complaints if f"status of {status}" not in one]
        return self.page


@contextmanager
def opened(browser: Browser, **options: object) -> Iterator[Window]:
    """A window, which must not have been complained of when it is closed."""
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.add_init_script(WATCHED)
    context.set_default_timeout(PATIENCE)
    window = Window(context.new_page(), context)

    def note(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            window.complaints.append(message.text)

    def refuse(dialog: Dialog) -> None:
        window.complaints.append(dialog.message)
        dialog.dismiss()

    window.page.on("console", note)
    window.page.on("pageerror", lambda error: window.complaints.append(str(error)))
    window.page.on("dialog", refuse)
    try:
        yield window
        assert window.complaints == []
    finally:
        context.close()
