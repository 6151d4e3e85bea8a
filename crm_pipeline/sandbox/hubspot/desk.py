"""What every endpoint of a portal shares: the portal, the clock, and what was prepared for earlier calls."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_pipeline.sandbox.exchange import Clock, Reply, Request, iso_ms, json_reply
from crm_pipeline.sandbox.hubspot.index import SearchIndex
from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal
from crm_pipeline.sandbox.hubspot.records import (
    ALWAYS,
    COMPANY_ALWAYS,
    COMPANY_DEFAULT_PROPERTIES,
    DEFAULT_PROPERTIES,
)
from crm_pipeline.sandbox.hubspot.requests import json_body, parameters
from crm_pipeline.sandbox.hubspot.search import SearchMemory, read_search, run_search

MOST_LISTS = 64


class ObjectKind:
    """One object type as its endpoints need it: what its search sees, and which properties an answer has."""

    def __init__(self, index: SearchIndex, default: tuple[str, ...], always: tuple[str, ...]) -> None:
        self.index, self.memory = index, SearchMemory()
        self._default, self._always = default, always
        self._names: dict[tuple[str, int], tuple[str, ...]] = {}

    def property_names(self, text: str) -> tuple[str, ...]:
        """The known names of a comma list; unknown ones are left out without a word.

        The same list gives the same tuple again, by which a record knows that it is already written that way.
        """
        if not text:
            return self._default
        types: Mapping[str, str] = self.index.types
        key = text, len(types)
        names = self._names.get(key)
        if names is None:
            if len(self._names) >= MOST_LISTS:
                self._names.clear()
            asked = [name for name in text.split(",") if name in types]
            names = self._names[key] = tuple(dict.fromkeys([*asked, *self._always]))
        return names

    def search(self, request: Request) -> Reply:
        """`after` is an offset here, not an id."""
        parameters(request, frozenset())
        search = read_search(self.index, json_body(request))
        total, records = run_search(self.index, search, self.memory)
        names = self.property_names(",".join(search.properties or ()))
        body = b'{"total":%d,"results":[' % total + b",".join([record.as_json(names) for record in records]) + b"]"
        following = search.offset + len(records)
        if records and following < total:
            body += b',"paging":{"next":{"after":"%d"}}' % following
        return Reply(200, body + b"}")


class Desk:
    """One portal's endpoints work from here."""

    def __init__(self, portal: HubSpotPortal, clock: Clock) -> None:
        self.portal, self.clock = portal, clock
        self.contacts = ObjectKind(portal.index, DEFAULT_PROPERTIES, ALWAYS)
        self.companies = ObjectKind(portal.company_index, COMPANY_DEFAULT_PROPERTIES, COMPANY_ALWAYS)


def batch_reply(desk: Desk, results: list[Any], missing: list[str], kind: str) -> Reply:
    """200, or 207 where some ids were not found."""
    now = iso_ms(int(desk.clock() * 1000))
    answer: dict[str, Any] = {"status": "COMPLETE", "results": results, "startedAt": now, "completedAt": now}
    if missing:
        message = f"Could not get some {kind} objects, they may be deleted or not exist. Check that ids are valid."
        error = {"status": "error", "category": "OBJECT_NOT_FOUND", "message": message, "context": {"ids": missing}}
        answer |= {"numErrors": 1, "errors": [error]}
    return json_reply(207 if missing else 200, answer)
