"""How fast and how long we may talk: clock, time-outs, token buckets. What to do after a failure is `retry.py`."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol


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
