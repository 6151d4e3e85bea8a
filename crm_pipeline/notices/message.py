"""What a notice says: the account, the CRM, since when, what went wrong, what to do. Pure functions.

No name, phone or address of anybody is ever in it: errors are worded so, and their texts come here masked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

MOST_SHOWN = 20
"""Connections that one message tells of; when a whole Nango is down, the rest are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A connection that a person has to know of."""

    account_id: str
    crm: str
    since: datetime
    code: str
    what: str
    action: str

    @property
    def label(self) -> str:
        return f"{self.account_id}, {self.crm}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A connection that works again, of which a person was told that it did not."""

    account_id: str
    crm: str
    since: datetime
    until: datetime
    code: str

    @property
    def label(self) -> str:
        return f"{self.account_id}, {self.crm}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message for one channel."""

    subject: str
    text: str


def compose(failing: Sequence[Failing], recovered: Sequence[Recovered]) -> Message:
    """One message of all there is to tell, so that an outage of everything is one message too."""
    parts = [_told(one) for one in failing[:MOST_SHOWN]] + [_over(one) for one in recovered[:MOST_SHOWN]]
    left = max(len(failing) - MOST_SHOWN, 0) + max(len(recovered) - MOST_SHOWN, 0)
    if left:
        parts.append(f"And {left:,} more: `crm-pipeline status` lists them.")
    return Message(subject=_subject(failing, recovered), text="\n\n".join(parts))


def trial() -> Message:
    """A message that only shows that it arrives."""
    return Message(subject="A test notice", text="Notices of failed CRM syncs, and of their recovery, arrive here.")


def _subject(failing: Sequence[Failing], recovered: Sequence[Recovered]) -> str:
    said = []
    if failing:
        first = failing[0].label if len(failing) == 1 else f"{len(failing):,} connections"
        said.append(f"CRM sync failing: {first}")
    if recovered:
        first = recovered[0].label if len(recovered) == 1 else f"{len(recovered):,} connections"
        said.append(f"CRM sync works again: {first}" if not failing else f"works again: {first}")
    return "; ".join(said)


def _told(one: Failing) -> str:
    what = one.what.removeprefix(f"{one.account_id}/").rstrip(".")
    return f"{one.label}: failing since {_when(one.since)} ({one.code}).\n{what}.\nWhat to do: {one.action}"


def _over(one: Recovered) -> str:
    return (
        f"{one.label}: works again since {_when(one.until)}. It was failing since {_when(one.since)} ({one.code}).\n"
        "Nothing to do: what was missed meanwhile is fetched by itself."
    )


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
