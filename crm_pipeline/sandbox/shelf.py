"""Records of one object type: by id, in order of change, and in the recycle bin. Knows no CRM; each keeps its own."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from crm_pipeline.sandbox.crm import NoSuchRecord
from crm_pipeline.sandbox.exchange import Clock

Key = tuple[int, Any]
"""A moment in milliseconds and an id that sorts as the CRM sorts it."""


@dataclass(slots=True, eq=False)
class Row:
    """One version of one record; an edit makes a new one. `values` are the CRM's own fields, `id` sorts as its ids."""

    id: Any
    values: dict[str, Any]
    created_ms: int
    updated_ms: int
    human: int = 0
    deleted_ms: int | None = None
    merged_into: Any = None
    written: dict[Any, bytes] = field(default_factory=dict)
    """The row as JSON by whatever it depends on, kept since pages are asked for again and again."""

    @property
    def key(self) -> Key:
        return self.updated_ms, self.id


class Shelf:
    """The rows of one object type. Not thread safe: its CRM holds a lock.

    `lag` is seconds until lists see a change, as in a CRM whose search index runs behind. `keeps_deleted` leaves the
    deleted ones in the order of change, as Salesforce's queryAll needs.
    """

    def __init__(self, clock: Clock, *, keeps_deleted: bool = False) -> None:
        self.lag = 0.0
        self.live: dict[Any, Row] = {}
        self.bin: dict[Any, Row] = {}
        self.purged: dict[Any, Row] = {}
        self._clock, self._keeps_deleted = clock, keeps_deleted
        self._shown: dict[Any, Row] = {}
        self._by_change: list[Key] = []
        self._by_id: list[Any] = []
        self._waiting: deque[tuple[float, Any]] = deque()

    # Reading

    def changed(
        self,
        *,
        since: int | None = None,
        until: int | None = None,
        after: Key | None = None,
        limit: int | None = None,
    ) -> list[Row]:
        """Rows by rising (moment of change, id): at or after `since`, before `until`, behind `after`."""
        self._let_in()
        start = 0 if since is None else bisect_left(self._by_change, (since,))
        if after is not None:
            start = max(start, bisect_right(self._by_change, after))
        end = len(self._by_change) if until is None else bisect_left(self._by_change, (until,))
        end = end if limit is None else min(end, start + limit)
        return [self._shown[key[1]] for key in self._by_change[start:end]]

    def by_id(self, *, after: Any = None, limit: int | None = None) -> list[Row]:
        """Rows by rising id, behind `after`."""
        self._let_in()
        start = 0 if after is None else bisect_right(self._by_id, after)
        end = len(self._by_id) if limit is None else start + limit
        return [self._shown[number] for number in self._by_id[start:end]]

    def get(self, number: Any) -> Row:
        """A live row."""
        if number not in self.live:
            raise NoSuchRecord(f"no live record {number}")
        return self.live[number]

    # Changing

    def fill(self, rows: Iterable[Row]) -> None:
        """Many rows at once, of a CRM's first day; a row with `deleted_ms` goes to the bin."""
        for row in rows:
            (self.live if row.deleted_ms is None else self.bin)[row.id] = row
        self._rebuild()

    def put(self, row: Row) -> None:
        """Add or replace a live row."""
        self.live[row.id] = row
        self._note(row.id)

    def edit(self, number: Any, values: dict[str, Any], *, now_ms: int | None) -> Row:
        """Change fields; without `now_ms` the moment of change stays."""
        row = self.get(number)
        moment = row.updated_ms if now_ms is None else now_ms
        changed = replace(row, values={**row.values, **values}, updated_ms=moment, written={})
        self.put(changed)
        return changed

    def delete(self, number: Any, *, now_ms: int, touch: bool = True, merged_into: Any = None) -> Row:
        """Into the recycle bin."""
        row = self.get(number)
        moment = now_ms if touch else row.updated_ms
        gone = replace(row, deleted_ms=now_ms, updated_ms=moment, merged_into=merged_into, written={})
        del self.live[number]
        self.bin[number] = gone
        self._note(number)
        return gone

    def restore(self, number: Any, *, now_ms: int | None) -> Row:
        """Back from the bin; without `now_ms` the moment of change stays."""
        if number not in self.bin:
            raise NoSuchRecord(f"no deleted record {number}")
        row = self.bin.pop(number)
        back = replace(
            row, deleted_ms=None, merged_into=None, updated_ms=row.updated_ms if now_ms is None else now_ms, written={}
        )
        self.put(back)
        return back

    def purge(self, number: Any, *, now_ms: int) -> None:
        """Gone for good."""
        row = self.bin.pop(number, None) or self.get(number)
        self.live.pop(number, None)
        self.purged[number] = replace(row, deleted_ms=row.deleted_ms or now_ms, written={})
        self._note(number)

    def stamp_all(self, moment: int, values: Callable[[Row], dict[str, Any]] = lambda row: {}) -> None:
        """Give every live row one moment of change, as a bulk update does."""
        for row in list(self.live.values()):
            self.live[row.id] = replace(row, values={**row.values, **values(row)}, updated_ms=moment, written={})
        self._rebuild()

    # Inside

    def _note(self, number: Any) -> None:
        if self.lag > 0:
            self._waiting.append((self._clock() + self.lag, number))
        else:
            self._show(number)

    def _let_in(self) -> None:
        now = self._clock()
        while self._waiting and self._waiting[0][0] <= now:
            self._show(self._waiting.popleft()[1])

    def _current(self, number: Any) -> Row | None:
        return self.live.get(number) or (self.bin.get(number) if self._keeps_deleted else None)

    def _show(self, number: Any) -> None:
        old, new = self._shown.pop(number, None), self._current(number)
        if old is not None:
            del self._by_change[bisect_left(self._by_change, old.key)]
            if new is None:
                del self._by_id[bisect_left(self._by_id, number)]
        elif new is not None:
            insort(self._by_id, number)
        if new is not None:
            self._shown[number] = new
            insort(self._by_change, new.key)

    def _rebuild(self) -> None:
        rows = [*self.live.values(), *(self.bin.values() if self._keeps_deleted else ())]
        self._shown = {row.id: row for row in rows}
        self._by_change, self._by_id = sorted(row.key for row in rows), sorted(self._shown)
