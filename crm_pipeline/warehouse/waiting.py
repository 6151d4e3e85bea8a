"""Waiting for somebody else: with growing pauses, told once after a few seconds, and not for ever."""

from __future__ import annotations

import logging
import time

from crm_pipeline.errors import WarehouseError

logger = logging.getLogger(__name__)

FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0
TOLD_AFTER = 3.0
"""Seconds after which a person is told what is waited for."""


class Waiting:
    """One wait of at most `longest` seconds for what `told` says, in a sentence without its full stop."""

    def __init__(self, longest: float, told: str, error: type[WarehouseError] = WarehouseError) -> None:
        self._longest, self.told, self._error = longest, told, error
        self._began, self._pause = time.monotonic(), FIRST_PAUSE
        self._is_told = False

    def pause(self, told: str | None = None) -> None:
        """Sleep a little more; raises when the time is up. `told` says more exactly what is waited for by now."""
        told, waited = told or self.told, time.monotonic() - self._began
        if waited >= self._longest:
            raise self._error("warehouse_locked", f"{told}; waited {self._longest:.0f} s.")
        if waited >= TOLD_AFTER and not self._is_told:
            self._is_told = True
            logger.warning("%s; waiting for it, at most %.0f s.", told, self._longest)
        time.sleep(self._pause)
        self._pause = min(self._pause * 1.5, LONGEST_PAUSE)
