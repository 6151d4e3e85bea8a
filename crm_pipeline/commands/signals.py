"""An orderly end: Ctrl-C and SIGTERM become an exception, so that a running sync closes its books first."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
SHELL_BASE = 128
"""A shell tells a process that a signal ended by this plus the signal's number."""


class Stopped(KeyboardInterrupt):
    """A person or the system asked the command to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    @property
    def exit_code(self) -> int:
        return SHELL_BASE + self.number


_last: Stopped | None = None


def heed() -> None:
    """Raise for a signal that came and that a library on its way up took for an error of its own."""
    if _last is not None:
        raise _last


@contextmanager
def stoppable() -> Iterator[None]:
    """Within the block, the first signal raises `Stopped`; outside the main thread nothing changes."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    global _last
    _last = None
    before = {number: signal.signal(number, _raise_stopped) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_stopped(number: int, frame: FrameType | None) -> None:
    global _last
    _last = Stopped(number)
    raise _last
