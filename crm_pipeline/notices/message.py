"""What a notice says: the account, the CRM or that it is of the leads, since when, what went wrong, what to do.

Pure functions.

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
    is_of_leads: bool = False
    """Of the account's leads, which a check found wrong, and of no connection."""

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
    is_of_leads: bool = False

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
    said = [
        *_said("CRM sync failing", [one.label for one in failing if not one.is_of_leads], "connections"),
        *_said("Wrong leads", _accounts(failing), "accounts"),
    ]
    again = "works again" if said else "CRM sync works again"
    return "; ".join(
        [
            *said,
            *_said(again, [one.label for one in recovered if not one.is_of_leads], "connections"),
            *_said("Leads are right again", _accounts(recovered), "accounts"),
        ]
    )


def _accounts(told: Sequence[Failing | Recovered]) -> list[str]:
    return list(dict.fromkeys(one.account_id for one in told if one.is_of_leads))


def _said(what: str, names: Sequence[str], several: str) -> list[str]:
    if not names:
        return []
    return [f"{what}: {names[0] if len(names) == 1 else f'{len(names):,} {several}'}"]


def _told(one: Failing) -> str:
    what = one.what.removeprefix(f"{one.account_id}/").rstrip(".")
    return f"{one.label}: failing since {_when(one.since)} ({one.code}).\n{what}.\nWhat to do: {one.action}"


def _over(one: Recovered) -> str:
    if one.is_of_leads:
        return (
            f"{one.label}: right again since {_when(one.until)}. They were wrong since {_when(one.since)} ({one.code})."
        )
    return (
        f"{one.label}: works again since {_when(one.until)}. It was failing since {_when(one.since)} ({one.code}).\n"
        "Nothing to do: what was missed meanwhile is fetched by itself."
    )


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
