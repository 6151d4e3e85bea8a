"""Scripted misbehaviour: "on the Nth matching call answer X". Deterministic; nothing here happens by chance.

    faults.add(match={"path": "/search$"}, nth=2, times=3, answer="rate_limited")
    faults.add(match={"account": "acme"}, answer={"status": 503, "body": "<html>busy</html>"})
    faults.add(match={"path": "/contacts$"}, nth=5, times=None, answer={"preset": "html", "delay": 2})

What can be answered is in `fault_answers.py`. An answer `at` the CRM, the usual, meets calls that Nango lets through,
and passes through Nango on its way back. One `at` Nango meets every call, those of Nango's own API too, and goes out as
it is.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from crm_pipeline.sandbox.exchange import Reply, Request
from crm_pipeline.sandbox.fault_answers import PRESETS, Answer

TYPES: Mapping[str, Any] = {
    "status": int, "body": object, "headers": Mapping, "patch": Mapping, "drop": list | tuple, "cut_json": int,
    "gzip": bool, "again": bool, "bomb": int, "chunked": bool, "delay": int | float, "hang": int | float,
    "cut_at": int, "reset": bool, "drip": int | float, "before": list | tuple,
}  # fmt: skip
"""What the fields of an answer can be; those not named are text."""


class BadFault(ValueError):
    """A fault that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Match:
    """Which calls a fault waits for; what is None does not matter.

    `path`, `query` and `body` are regular expressions to be found in what the CRM gets; for Nango's own API, in what
    Nango gets.
    """

    account: str | None = None
    nango_connection_id: str | None = None
    method: str | None = None
    path: str | None = None
    query: str | None = None
    body: str | None = None

    def fits(self, request: Request, account: str | None, nango_connection_id: str | None) -> bool:
        """True when everything that matters agrees."""
        if self.account not in (None, account) or self.nango_connection_id not in (None, nango_connection_id):
            return False
        if self.method is not None and self.method.upper() != request.method:
            return False
        body = request.body.decode(errors="replace") if self.body is not None else ""
        pairs = ((self.path, request.path), (self.query, request.query), (self.body, body))
        return all(pattern is None or re.search(pattern, text) for pattern, text in pairs)


@dataclass(slots=True, eq=False)
class Fault:
    """One entry of the script, for matching calls number `nth` to `nth + times - 1`; `times=None` never stops.

    `seen` counts matching calls, `hits` those that got its answer.
    """

    id: int
    match: Match
    nth: int
    times: int | None
    answer: Answer
    seen: int = 0
    hits: int = 0
    last: Reply | None = None
    """What the latest call before its turn was answered; kept for `again` only."""

    def is_due(self) -> bool:
        """Whether the latest call it has seen is one of its own."""
        return self.seen >= self.nth and (self.times is None or self.seen < self.nth + self.times)

    def as_object(self) -> dict[str, Any]:
        """For the control route."""
        return {"id": self.id, "nth": self.nth, "times": self.times, "seen": self.seen, "hits": self.hits}


class FaultScript:
    """The faults of a sandbox. Every matching one counts a call; of those whose turn it is, the first added wins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._made = 0

    def add(
        self,
        *,
        answer: Answer | Mapping[str, Any] | str,
        match: Match | Mapping[str, str] | None = None,
        nth: int = 1,
        times: int | None = 1,
    ) -> Fault:
        """Plan a fault.

        `answer` is the name of a preset, an `Answer`, or fields of one, with `preset` naming what they start from.
        """
        if not _counts(nth) or (times is not None and not _counts(times)):
            raise BadFault("nth and times are whole numbers from 1; times null is for ever")
        found, given = _match(match), _answer(answer)
        with self._lock:
            self._made += 1
            fault = Fault(self._made, found, nth, times, given)
            self._faults.append(fault)
        return fault

    def remove(self, number: int) -> bool:
        """Take one fault out; False when there is none with this id."""
        with self._lock:
            before = len(self._faults)
            self._faults = [fault for fault in self._faults if fault.id != number]
            return len(self._faults) < before

    def clear(self) -> None:
        """Behave well from now on."""
        with self._lock:
            self._faults = []

    def all(self) -> list[Fault]:
        """The faults in the order they were added."""
        with self._lock:
            return list(self._faults)

    def remember(self, request: Request, account: str | None, nango_connection_id: str | None, reply: Reply) -> None:
        """Keep an answer for the faults that will give it again."""
        with self._lock:
            for fault in self._faults:
                is_waiting = fault.answer.again and not fault.is_due()
                if is_waiting and fault.match.fits(request, account, nango_connection_id):
                    fault.last = reply

    def next(self, at: str, request: Request, account: str | None, nango_connection_id: str | None) -> Fault | None:
        """The fault for a call that has come to `at`, if it is one's turn."""
        if not self._faults:
            return None
        with self._lock:
            waiting = [one for one in self._faults if one.answer.at == at]
            fitting = [one for one in waiting if one.match.fits(request, account, nango_connection_id)]
            for fault in fitting:
                fault.seen += 1
            due = next((fault for fault in fitting if fault.is_due()), None)
            if due is not None:
                due.hits += 1
            return due


def _match(match: Match | Mapping[str, str] | None) -> Match:
    if isinstance(match, Match):
        return match
    values = _fields(Match, {} if match is None else match)
    found = Match(**values)
    for pattern in filter(None, (found.path, found.query, found.body)):
        try:
            re.compile(pattern)
        except re.error as error:
            raise BadFault(f"{pattern!r} is no regular expression: {error}") from None
    return found


def _answer(answer: Answer | Mapping[str, Any] | str) -> Answer:
    if isinstance(answer, Answer):
        return answer
    if not isinstance(answer, str | Mapping) or not answer:
        raise BadFault("an answer is a preset's name or an object with at least one field")
    values = {"preset": answer} if isinstance(answer, str) else dict(answer)
    preset = values.pop("preset", None)
    if preset is not None and preset not in PRESETS:
        raise BadFault(f"no answer is called {preset!r}; there are {', '.join(PRESETS)}")
    values = _fields(Answer, values)
    values |= {name: tuple(values[name]) for name in ("drop", "before") if name in values}
    built = replace(PRESETS[preset] if preset else Answer(), **values)
    if built.at not in ("crm", "nango"):
        raise BadFault("at is 'crm' or 'nango'")
    return built


def _counts(number: Any) -> bool:
    return isinstance(number, int) and not isinstance(number, bool) and number >= 1


def _fields(kind: type[Match] | type[Answer], values: Any) -> dict[str, Any]:
    """`values` as fields of `kind`, each of the type that its default or annotation has."""
    if not isinstance(values, Mapping):
        raise BadFault("match and answer are objects")
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(values) - known)
    if unknown:
        raise BadFault(f"unknown {unknown[0]!r}; there are {', '.join(sorted(known))}")
    for name, value in values.items():
        wanted = TYPES.get(name, str) if kind is Answer else str
        not_a_number = isinstance(value, bool) and wanted not in (bool, object)
        if value is not None and (not_a_number or not isinstance(value, wanted)):
            raise BadFault(f"{name} cannot be {value!r}")
    return dict(values)
