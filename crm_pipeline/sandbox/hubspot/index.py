"""What HubSpot's search sees of one object type: every record a while after it changed. Knows no filter."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from crm_pipeline.sandbox.exchange import Clock
from crm_pipeline.sandbox.hubspot.records import Record


class SearchIndex:
    """The searchable versions of the records in `live`; `lag` is seconds until search sees a change.

    `types` are the properties that can be searched by, with their types. `dated` is the one that holds the moment of
    change, which contacts and other objects call by different names.
    """

    def __init__(self, live: Mapping[int, Record], types: Mapping[str, str], dated: str, *, clock: Clock) -> None:
        self.types, self.dated = types, dated
        self.lag = 0.0
        self.changes = 0
        """Counts what search could notice."""
        self._live, self._clock = live, clock
        self._seen: dict[int, Record] = {}
        self._waiting: deque[tuple[float, Record]] = deque()
        self._versions = 0

    def searchable(self) -> Mapping[int, Record]:
        """What the index holds by now, in no order; older versions while it lags."""
        now = self._clock()
        while self._waiting and self._waiting[0][0] <= now:
            self._enter(self._waiting.popleft()[1])
        return self._seen

    def put(self, record: Record) -> None:
        """A new version of a live record."""
        self._versions += 1
        record.version = self._versions
        if self.lag > 0:
            self._waiting.append((self._clock() + self.lag, record))
        else:
            self._enter(record)

    def remove(self, number: int) -> None:
        """A record that left is not found any more, whatever the lag."""
        self._seen.pop(number, None)
        self.changes += 1

    def _enter(self, record: Record) -> None:
        """Unless the record has left or a later version is there already."""
        known = self._seen.get(record.id)
        if record.id in self._live and (known is None or known.version < record.version):
            self._seen[record.id] = record
            self.changes += 1
