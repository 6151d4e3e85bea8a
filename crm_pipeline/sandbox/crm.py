"""What a made-up CRM has to offer to stand behind the sandbox's Nango; the CRMs there are stand in `__init__.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from crm_pipeline.sandbox.exchange import Clock, Reply, Request


class BadControl(Exception):
    """A control request that makes no sense."""


class NoSuchRecord(Exception):
    """No record has this id, or it is not in the state the change needs."""


class Crm(Protocol):
    """One account's CRM. `limits` switches its own rate limits on."""

    limits: bool

    def answer(self, request: Request) -> Reply:
        """One request that Nango sends, the token already checked."""
        ...

    def act(self, action: str, body: Mapping[str, Any]) -> object:
        """A change as its users make it: create, edit, archive, restore, merge, purge, set."""
        ...

    def oracle(self) -> list[dict[str, Any]]:
        """Every live contact with everything it holds, and `human`: equal for records of one human being."""
        ...


@dataclass(frozen=True, slots=True)
class CrmKind:
    """A CRM the sandbox can play: Nango's name of it, and `open(account, seed, contacts, clock)`, which fills one."""

    provider: str
    integration: str
    open: Callable[[str, int, int, Clock], Crm]
    connection_config: Callable[[str, int], Mapping[str, Any]]
