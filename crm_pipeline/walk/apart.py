"""Groups in which a person's rule keeps two contacts apart: read, regrouped by `domain/identity.py`, written back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa

from crm_pipeline.domain.identity import regroup
from crm_pipeline.ingest.records import arrow_column
from crm_pipeline.warehouse.session import Session

REGROUPED = pa.schema([("contact_id", pa.string()), ("group_no", pa.int64())])


def keep_apart(session: Session, account_id: str, apart: Iterable[tuple[Any, Any]]) -> None:
    """Regroup the members of every group in which there is a pair of `apart`."""
    people = session.rows("transform/match/constrained_people", account_id=account_id)
    evidence = session.rows("transform/match/constrained_evidence")
    trust = {row["contact_id"]: row["trust"] for row in people}
    groups = regroup(list(trust), ((row["kind"], row["match_key"], row["contact_id"]) for row in evidence), apart)
    numbers: dict[Any, int] = {}
    for person, first in groups.items():
        numbers[first] = min(trust[person], numbers.get(first, trust[person]))
    session.run("transform/match/create_regrouped")
    session.copy("regrouped", [_table([str(person) for person in groups], [numbers[one] for one in groups.values()])])
    session.run("transform/match/store_regrouped")
    session.run("transform/match/drop_foreign_points")


def _table(contact_ids: list[str], numbers: list[int]) -> pa.Table:
    arrays = [arrow_column(contact_ids, pa.string()), arrow_column(numbers, pa.int64())]
    return pa.Table.from_arrays(arrays, schema=REGROUPED)
