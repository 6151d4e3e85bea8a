"""Preview equals apply: in random worlds, under both strategies, on both engines; and what the product wrote survives.

Every sync of a random history is first previewed. CRM_WORLDS=400 tries a hundred histories on each engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.walk.difference import Difference
from crm_pipeline.warehouse.session import Session
from crm_pipeline_tests.walk.test_properties import (
    Account,
    Key,
    Plan,
    Version,
    an_account,
    duckdb_session,
    plans,
    postgres_session,
    some,
)
from crm_pipeline_tests.walk.world import START, World, a_payload

__all__ = ["duckdb_session", "postgres_session"]

TABLES = (
    "leads", "lead_changes", "lead_merges", "removed_leads", "sync_runs", "staging.contacts", "staging.contact_points",
    "staging.contact_merges", "staging.rejections", "staging.match_queue", "staging.identity_map", "staging.landings",
    "staging.crm_references", "raw.hubspot_contacts", "raw.complete_passes",
)  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """One sync of a history."""

    connection: str
    batch: list[Version]
    strategy: str
    is_forced: bool
    gone: frozenset[int]
    """Of an overwrite: places in the list of the connection's contacts that the CRM does not have any more."""


@st.composite
def histories(draw: st.DrawFn) -> tuple[Plan, list[Turn]]:
    plan = draw(plans())
    turn = st.tuples(
        st.sampled_from(["append", "append", "overwrite"]), st.booleans(), st.frozensets(st.integers(0, 4), max_size=3)
    )
    return plan, [Turn(connection, batch, *draw(turn)) for connection, batch in plan.syncs]


@dataclass
class History:
    """A world through its turns, each previewed and then applied."""

    account: Account
    known: dict[Key, Version] = field(default_factory=dict)
    marked: set[Any] = field(default_factory=set)

    def take(self, turn: Turn) -> None:
        payloads = [version.payload() for version in self.shown(turn)]
        options: dict[str, Any] = {"on": self.account.named(turn.connection), "force": turn.is_forced}
        before = self.everything()
        expected, foreseen = self.account.world.preview(*payloads, of=turn.strategy, **options)
        assert self.everything() == before
        results = self.account.world.sync(*payloads, strategy=turn.strategy, **options)
        assert results == expected
        assert plainly(self.account.world.difference()) == plainly(foreseen)
        assert results.fetched == sum(
            (results.created, results.updated, results.unchanged, results.merged, results.skipped)
        )
        self.check_leads(before, results.removed)
        self.mark()
        if turn.strategy == "overwrite" and self.status() == "succeeded":
            assert self.leads_without_contacts(turn.connection) == []

    def shown(self, turn: Turn) -> list[Version]:
        """An append shows what changed; an overwrite all that the CRM has."""
        for version in turn.batch:
            if version.key not in self.known or self.known[version.key].number <= version.number:
                self.known[version.key] = version
        if turn.strategy == "append":
            return turn.batch
        mine = [version for key, version in sorted(self.known.items()) if key[0] == turn.connection]
        return [version for place, version in enumerate(mine) if place not in turn.gone]

    def everything(self) -> dict[str, list[str]]:
        return {name: sorted(map(repr, self.account.select(f"select * from {name} where {{mine}}"))) for name in TABLES}

    def check_leads(self, before: dict[str, list[str]], removed: int) -> None:
        """Every lead that comes or goes is in the changes of the sync, and in its counts."""
        totals = self.account.world.difference().totals
        after = self.account.select("select count(*) as n from leads where {mine}")[0]["n"]
        come = sum(totals.get(kind, 0) for kind in ("created", "split", "restored"))
        assert after - len(before["leads"]) == come - totals.get("merged", 0) - totals.get("removed", 0)
        assert removed == totals.get("removed", 0)

    def mark(self) -> None:
        """The product writes on every lead that it has not written on."""
        new = self.account.select("update leads set note = cast(id as text) where {mine} and note is null returning id")
        self.marked |= {row["id"] for row in new}

    def lost_notes(self) -> list[Any]:
        """Leads whose note is nowhere any more, or on another lead."""
        kept: dict[str, str] = {}
        for table, column in (("lead_merges", "lead"), ("removed_leads", "lead"), ("leads", "to_json(leads)")):
            key = "id" if table == "leads" else "lead_id"
            query = f"select cast({key} as text) as id, {column} ->> 'note' as note from {table} where {{mine}}"
            kept |= {row["id"]: row["note"] for row in self.account.select(query)}
        return [lead_id for lead_id in self.marked if kept.get(str(lead_id)) != str(lead_id)]

    def status(self) -> str:
        rows = self.account.select("select status from sync_runs where {mine} order by started_at desc limit 1")
        return str(rows[0]["status"])

    def leads_without_contacts(self, connection: str) -> list[Any]:
        own = self.account.world.connection(self.account.named(connection)).id
        return self.account.select(
            "select id from leads where {mine} and id not in (select lead_id from {map} where is_member) and id in "
            f"(select lead_id from {{map}} inner join staging.contacts using (account_id, contact_id) "
            f"where connection_id = '{own}')"
        )

    def violations(self) -> list[dict[str, Any]]:
        """As without strategies, but an id may also lead to a removed lead."""
        away = {str(row["lead_id"]) for row in self.account.select("select lead_id from removed_leads where {mine}")}
        allowed = ("points_to_nothing", "merged_into_nothing")
        found = self.account.violations()
        by_merge = {
            str(row["lead_id"]): str(row["into_lead_id"])
            for row in self.account.select("select lead_id, into_lead_id from lead_merges where {mine}")
        }
        return [
            row
            for row in found
            if not any(name in row and {str(row[name]), by_merge.get(str(row[name]))} & away for name in allowed)
        ]


def plainly(difference: Difference) -> list[str]:
    """Without the ids of leads that came into being: one that another lead bore once is made up from the sync's."""
    leads = [
        (None if {"created", "split"} & set(lead.kinds) else lead.lead_id, lead.name, lead.changes)
        for lead in difference.leads
    ]
    assert difference.total == len(leads)
    return sorted(map(repr, [*leads, *difference.totals.items()]))


def run(session: Session, plan: Plan, turns: list[Turn]) -> None:
    session.execute("alter table leads add column if not exists note text")  # type: ignore[attr-defined]
    history = History(an_account(session, plan))
    for turn in turns:
        history.take(turn)
    assert history.lost_notes() == []
    assert history.violations() == []


@some
@given(history=histories())
def test_a_preview_tells_exactly_what_the_sync_then_does(
    duckdb_session: Session, history: tuple[Plan, list[Turn]]
) -> None:
    run(duckdb_session, *history)


@some
@given(history=histories())
def test_on_postgres_too(postgres_session: Session, history: tuple[Plan, list[Turn]]) -> None:
    run(postgres_session, *history)


def test_a_preview_tells_the_first_leads_and_counts_all(world: World) -> None:
    _, difference = world.preview(*[a_payload(str(n), first=f"P{n}", phone=f"415 320 {1000 + n}") for n in range(5)])
    assert (difference.total, len(difference.leads), dict(difference.totals)) == (5, 5, {"created": 5})
    told = {change.field: change.new_value for change in difference.leads[0].changes}
    assert (told["name"], told["phone"]) == ("P0", "+14153201000")
    assert world.leads() == []


def test_a_preview_of_an_overwrite_is_held_as_the_overwrite_would_be(world: World) -> None:
    many = [a_payload(str(n), first=f"P{n}", phone=f"415 320 {1000 + n}", updated=START) for n in range(40)]
    world.sync(*many)
    held, _ = world.preview(*many[:10], of="overwrite")
    forced, difference = world.preview(*many[:10], of="overwrite", force=True)
    assert (held.removed, forced.removed, difference.totals["removed"]) == (0, 30, 30)
    assert [lead.kinds for lead in difference.leads] == [("inactive", "removed")] * 30
