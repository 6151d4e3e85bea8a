"""How fast and how long we may talk: clock, time-outs, token buckets. What to do after a failure is `retry.py`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from crm_pipeline.errors import ProviderError

DAY_SHARE = 0.8
"""Of a CRM's daily calls; the rest is left to the people and the other programs that share them."""


class Clock(Protocol):
    """Time as an argument, so that tests need not sleep."""

    def now(self) -> datetime:
        """The time of day, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never run backwards."""

    def sleep(self, seconds: float) -> None:
        """Wait that many seconds."""


class SystemClock:
    """The computer's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


SYSTEM_CLOCK = SystemClock()


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. Nango sets no time-out of its own towards the CRM, so these are the only ones there are."""

    connect: float = 10.0
    read: float = 60.0
    """Silence between two pieces of an answer."""
    page: float = 120.0
    """One whole answer, from sending the request to its last byte."""


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True, slots=True)
class Rate:
    """A steady rate, and how many calls may be made at once after a pause."""

    per_second: float
    burst: int

    def __post_init__(self) -> None:
        if not self.per_second > 0 or self.burst < 1:
            raise ValueError(f"a rate needs per_second > 0 and burst >= 1, not {self.per_second} and {self.burst}")


class TokenBucket:
    """Spreads calls over time for everybody who shares it; thread safe."""

    def __init__(self, rate: Rate, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self.rate = rate
        self._clock = clock
        self._lock = threading.Lock()
        self._tokens = float(rate.burst)
        self._filled_at = clock.monotonic()
        self._shut_until = self._filled_at

    def take(self) -> float:
        """Wait until one more call is allowed; answers the seconds waited. Callers are served in order of asking."""
        with self._lock:
            now = self._clock.monotonic()
            gained = (now - self._filled_at) * self.rate.per_second
            self._tokens = min(float(self.rate.burst), self._tokens + gained) - 1.0
            self._filled_at = now
            wait = max(0.0, -self._tokens / self.rate.per_second, self._shut_until - now)
        if wait > 0:
            self._clock.sleep(wait)
        return wait

    def pause(self, seconds: float) -> None:
        """Let nobody call for that long: the other side said it has had enough."""
        with self._lock:
            self._shut_until = max(self._shut_until, self._clock.monotonic() + seconds)


class Budget(NamedTuple):
    """What is left of the calls a CRM allows a day, in its own unit."""

    remaining: int
    limit: int


def _nothing_said(headers: Mapping[str, str]) -> Budget | None:
    return None


class DayBudget:
    """Watches a CRM's daily calls, and stops before they are used up.

    The CRM counts every program's calls, so ours end at `share` of them; what was fetched until then is kept.
    """

    def __init__(
        self, read_budget: Callable[[Mapping[str, str]], Budget | None] = _nothing_said, share: float = DAY_SHARE
    ) -> None:
        self._read_budget, self._share = read_budget, share
        self._last: Budget | None = None

    def read(self, headers: Mapping[str, str]) -> None:
        """Note what an answer's headers say; many answers say nothing, since Nango drops most headers."""
        budget = self._read_budget(headers)
        if budget is not None:
            self.note(budget)

    def note(self, budget: Budget) -> None:
        """Note what is left."""
        self._last = budget

    def check(self, label: str) -> None:
        """Raise `daily_limit` when no more of the day's calls may be used."""
        if self._last is None or self._last.limit <= 0:
            return
        used = self._last.limit - self._last.remaining
        if used < self._share * self._last.limit:
            return
        raise ProviderError(
            "daily_limit",
            f"{label}: {used:,} of the {self._last.limit:,} calls that the CRM allows a day are used, by all programs "
            f"together; we stop at {self._share:.0%} of them.",
            action="The next sync continues when the CRM counts a new day. To go further, set `daily_budget` of the "
            "connection (Nango metadata, key crm_pipeline) to a share up to 1.",
        )
