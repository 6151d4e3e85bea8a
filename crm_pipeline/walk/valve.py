"""The valve: how much may go away without a person's word, what a hold has shown, and how far a force then reaches."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from crm_pipeline.errors import SyncHeld
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.session import Session

MINIMUM, SHARE = 20, 0.05
"""More than both of these is not believed without a person's word."""
LEADS = "leads to remove"
"""The kind of loss that an overwrite's leads are; the others are the object types of contacts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """How many of one kind a sync would let go."""

    kind: str
    gone: int
    alive: int
    """Of how many."""
    is_everything: bool
    told: str
    """In words, up to what speaks against it."""

    @property
    def is_large(self) -> bool:
        """Whether that needs a person's word."""
        return self.gone > 0 and (self.is_everything or self.gone > self._usual)

    def is_more_than(self, shown: int) -> bool:
        """Whether a person who was shown so many has said nothing of this; some more may have gone meanwhile."""
        return self.gone > shown + self._usual

    @property
    def _usual(self) -> float:
        return max(MINIMUM, SHARE * self.alive)


def shown_of(session: Session, connection: Connection) -> dict[str, int]:
    """What the holds of a connection that nobody has settled have shown, by kind."""
    rows = session.rows("registry/held_removals", **_keys(connection))
    return {row["kind"]: row["shown"] for row in rows}


def to_hold(losses: Collection[Loss], shown: Mapping[str, int], *, is_forced: bool) -> list[Loss]:
    """The losses that wait for a person.

    A force releases what was shown, and as much more as needs no word; where nothing was shown, whoever forces it has
    looked for himself.
    """
    large = [loss for loss in losses if loss.is_large]
    if is_forced and not (shown and any(loss.is_more_than(shown.get(loss.kind, 0)) for loss in large)):
        return []
    return large


def settle(
    session: Session, connection: Connection, kinds: Collection[str], held: Collection[Loss], *, now: datetime
) -> None:
    """Keep what is shown of the losses that are held; of other kinds that were looked at nothing waits any more."""
    for loss in held:
        session.run("registry/hold_removal", **_keys(connection), kind=loss.kind, shown=loss.gone, now=now)
    for kind in set(kinds) - {loss.kind for loss in held}:
        session.run("registry/settle_removal", **_keys(connection), kind=kind)


def pass_on(session: Session, connection: Connection, shown: Mapping[str, int], *, now: datetime) -> None:
    """What a person was shown of contacts bounds the leads that an overwrite removes for them, perhaps elsewhere."""
    bound = max(shown.get(LEADS, 0), sum(count for kind, count in shown.items() if kind != LEADS))
    session.run("registry/hold_removal", **_keys(connection), kind=LEADS, shown=bound, now=now)


def why_held(
    losses: Collection[Loss], shown: Mapping[str, int], *, is_forced: bool, action: str, **facts: Any
) -> SyncHeld:
    """The hold in words."""
    before = sum(shown.get(loss.kind, 0) for loss in losses)
    forced = f"more than the {before:,} shown before" if before else "which were not shown before"
    told = "; ".join(loss.told for loss in losses)
    why = f"{told}, {forced if is_forced else 'too many to believe'}; none was removed."
    return SyncHeld("mass_removal_held", why, action=action, **facts)


def forcing(connection: Connection, *, removes_leads: bool) -> str:
    """The commands that show what it would remove, and that say it is meant."""
    named = f"crm-pipeline sync --account {shlex.quote(connection.account_id)} --provider {connection.provider}"
    look, strategy = (" --as overwrite", " --strategy overwrite") if removes_leads else ("", "")
    return (
        f"`{named} --strategy preview{look}` shows what it would remove. "
        f"If the removal is meant: `{named}{strategy} --force`."
    )


def _keys(connection: Connection) -> dict[str, Any]:
    return {"account_id": connection.account_id, "id": str(connection.id)}
