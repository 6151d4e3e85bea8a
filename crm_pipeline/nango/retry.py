"""When to try again, and how long to wait: the only retry in the product.

What an answer means is decided in `answers.py`; here are only counting and waiting.
"""

from __future__ import annotations

import logging
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from crm_pipeline.errors import PipelineError
from crm_pipeline.nango.limits import Clock

LOG = logging.getLogger(__name__)

Value = TypeVar("Value")

LONGEST_ADVICE = 86_400.0
"""Seconds. HubSpot asks for up to a day while it moves a customer to another data centre; nobody means more."""

_SECONDS = re.compile(r"[+-]?\d{1,12}(\.\d{1,9})?")


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that failed: the error to raise in the end, and what may be tried before."""

    error: PipelineError
    tries: int | None = None
    """How often this kind of failure may happen within one call; None: as often as the policy allows."""
    refresh: bool = False
    """The CRM refused the access token: ask Nango for a fresh one, then try once more."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Bounds of trying again; times in seconds. Five waits grow from 1 s to 60 s, about a minute and a half in all."""

    attempts: int = 6
    first_wait: float = 1.0
    growth: float = 2.8
    longest_wait: float = 60.0
    longest_retry_after: float = 600.0
    total_wait: float = 900.0
    jitter: float = 0.5
    chance: Callable[[], float] = field(default=random.random, compare=False, repr=False)

    def wait(self, tries: int, retry_after: float | None) -> float | None:
        """Seconds to wait after `tries` failed attempts; None when the answer asks for longer than we wait."""
        if retry_after is not None and retry_after > self.longest_retry_after:
            return None
        backoff = min(self.longest_wait, self.first_wait * self.growth ** (tries - 1))
        if retry_after is None or retry_after <= 0:  # "0" is a rounded-down fraction of a second: not an order to hurry
            return backoff * (1.0 - self.jitter * self.chance())
        return retry_after + min(1.0, retry_after * 0.1) * self.chance()


DEFAULT_POLICY = RetryPolicy()


class LostTime:
    """Seconds that failures may cost one run: attempts that failed and the waits after them; thread safe."""

    def __init__(self, limit: float) -> None:
        self._limit = limit
        self._lost = 0.0
        self._lock = threading.Lock()

    def add(self, seconds: float) -> None:
        """Note time that is already lost."""
        with self._lock:
            self._lost += max(0.0, seconds)

    def may_wait(self, seconds: float) -> bool:
        """Book a wait, unless it would go over the limit."""
        with self._lock:
            if self._lost + seconds > self._limit:
                return False
            self._lost += seconds
            return True


def attempt_until_done(
    attempt: Callable[[], Value | Failure],
    *,
    policy: RetryPolicy,
    clock: Clock,
    lost: LostTime,
    refresh: Callable[[], None] | None = None,
) -> Value:
    """Call `attempt` until it gives a value or has to be given up; the error raised says how often we tried."""
    seen: Counter[tuple[str, int | None]] = Counter()
    refreshed = False
    while True:
        began = clock.monotonic()
        outcome = attempt()
        if not isinstance(outcome, Failure):
            return outcome
        lost.add(clock.monotonic() - began)
        seen[outcome.error.code, outcome.tries] += 1
        if outcome.refresh:
            if refreshed or refresh is None:
                raise told(outcome.error, seen.total())
            refreshed = True
            refresh()
            continue
        wait = _next_wait(outcome, seen, policy)
        if wait is None or not lost.may_wait(wait):
            raise told(outcome.error, seen.total())
        LOG.info("%s; trying again in %.1f s", outcome.error.message, wait)
        clock.sleep(wait)


def _next_wait(failure: Failure, seen: Counter[tuple[str, int | None]], policy: RetryPolicy) -> float | None:
    """Seconds to wait, or None when this failure ends the call."""
    same = seen[failure.error.code, failure.tries]
    if not failure.error.can_retry or seen.total() >= policy.attempts:
        return None
    if failure.tries is not None and same >= failure.tries:
        return None
    return policy.wait(seen.total(), failure.error.retry_after)


def told(error: PipelineError, tries: int) -> PipelineError:
    """The error with the number of attempts in its message, when there was more than one."""
    if tries < 2:
        return error
    return type(error)(
        error.code,
        f"{error.message} (tried {tries} times)",
        action=error.action,
        can_retry=error.can_retry,
        retry_after=error.retry_after,
        **error.facts,
    )


def read_retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds asked for by `Retry-After`, as a number or an HTTP date; None when absent, unreadable or in the past.

    A date is compared with the answer's own `Date` where it has one: the two clocks then need not agree.
    """
    text = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(text):
        seconds = float(text)
    else:
        until = _http_date(text)
        if until is None:
            return None
        seconds = (until - (_http_date(headers.get("date", "")) or now)).total_seconds()
    return min(seconds, LONGEST_ADVICE) if seconds >= 0 else None


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
