"""What every endpoint of a portal shares: the portal, the clock, and what was prepared for earlier calls."""

from __future__ import annotations

from typing import Any

from crm_pipeline.sandbox.exchange import Clock, Reply, iso_ms, json_reply
from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal
from crm_pipeline.sandbox.hubspot.records import DEFAULT_PROPERTIES
from crm_pipeline.sandbox.hubspot.search import SearchMemory

ALWAYS = ("createdate", "hs_object_id", "lastmodifieddate")
MOST_LISTS = 64


class Desk:
    """One portal's endpoints work from here."""

    def __init__(self, portal: HubSpotPortal, clock: Clock) -> None:
        self.portal, self.clock = portal, clock
        self.memory = SearchMemory()
        self._names: dict[tuple[str, int], tuple[str, ...]] = {}

    def property_names(self, text: str) -> tuple[str, ...]:
        """The known names of a comma list; unknown ones are left out without a word.

        The same list gives the same tuple again, by which a contact knows that it is already written that way.
        """
        if not text:
            return DEFAULT_PROPERTIES
        key = text, len(self.portal.types)
        names = self._names.get(key)
        if names is None:
            if len(self._names) >= MOST_LISTS:
                self._names.clear()
            asked = [name for name in text.split(",") if name in self.portal.types]
            names = self._names[key] = tuple(dict.fromkeys([*asked, *ALWAYS]))
        return names


def batch_reply(desk: Desk, results: list[Any], missing: list[str], kind: str) -> Reply:
    """200, or 207 where some ids were not found."""
    now = iso_ms(int(desk.clock() * 1000))
    answer: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if missing:
        message = f"Could not get some {kind} objects, they may be deleted or not exist. Check that ids are valid."
        error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": missing}}
        answer |= {"numErrors": 1, "errors": [error]}
    return json_reply(207 if missing else 200, answer)
