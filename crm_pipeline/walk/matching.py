"""Which contacts are one person: whose group may change, and what the groups are now.

SQL over the touched groups only; Python repeats a round until nothing changes, and regroups the few whom a person's
rule keeps apart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_pipeline.warehouse.session import Session

SCOPE = (
    "match/create_counted_values", "match/clear_touched", "match/drop_guarded", "match/store_guarded",
    "match/create_active_rules", "match/create_scope",
)  # fmt: skip
GROUP = ("match/create_members", "match/create_shared_points")


def find_scope(session: Session, values: Mapping[str, Any]) -> bool:
    """Count anew who shares a value with many, then find who may be touched by the contacts in `taken`; if anybody is.

    What shares a value, a lead, a rule or a CRM merge with the contacts found last is added, until nobody is new.
    """
    for name in SCOPE:
        found = session.run(f"transform/{name}", **values)
    if not found:
        return False
    last_round = 0
    while session.run("transform/match/widen_scope", last_round=last_round, **values):
        last_round += 1
    return True


def group_members(session: Session, values: Mapping[str, Any]) -> None:
    """Put the members in scope into groups: connected components, but for those a person said to keep apart."""
    for name in GROUP:
        session.run(f"transform/{name}", **values)
    while session.run("transform/match/join_groups"):
        pass
    session.run("transform/match/create_apart_pairs")
    apart = [(row["contact_id"], row["other_id"]) for row in session.rows("transform/match/apart_pairs")]
    if apart:
        from crm_pipeline.walk.apart import keep_apart  # seldom needed, and it needs pyarrow

        keep_apart(session, values["account_id"], apart)
