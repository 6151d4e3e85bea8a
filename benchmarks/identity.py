"""`--only identity`: how well people are told apart, through the real walk, beside the rule read literally."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.people import CRMS, SMALL_OFFICES, Score, Town, a_town, first_match, score, total
from benchmarks.report import aligned
from crm_pipeline.domain.email import Email, parse_email
from crm_pipeline.domain.identity import USUAL_LIMITS, Limits
from crm_pipeline.domain.phone import Phone, parse_phones
from crm_pipeline_tests.walk.world import a_world

PEOPLE, SEEDS = 2_000, (1, 2, 3, 4, 5)
LEAST_PRECISION, LEAST_RECALL = 0.995, 0.85
ANY = 1_000_000
UNLIMITED = Limits(people_per_phone=ANY, people_per_email=ANY, strangers=ANY)
LITERAL = Limits(strangers=ANY)
STRICT = Limits(people_per_phone=3, strangers=ANY)
HEADINGS = ("", "precision", "recall", "largest group", "pairs", "wrong", "of them")


def measure(folder: Path, people: int = PEOPLE, seeds: Sequence[int] = SEEDS) -> tuple[str, bool]:
    """The table, and whether the floors hold over all towns together."""
    started = time.perf_counter()
    towns = [a_town(people, seed=seed) for seed in seeds]

    small = [a_town(people, seed=seed, offices=SMALL_OFFICES) for seed in seeds]

    def walked(name: str, limits: Limits, of: Sequence[Town] = towns) -> list[Score]:
        return [by_walk(town, folder / f"{name}{number}", limits) for number, town in enumerate(of)]

    usual = walked("usual", USUAL_LIMITS)
    ways = {
        "first match, read literally": [by_first_match(town) for town in towns],
        "components, no guards": walked("open", UNLIMITED),
        "the walk": usual,
        "any five names a phone": walked("literal", LITERAL),
        f"any {STRICT.people_per_phone} names a phone": walked("strict", STRICT),
        "small offices: the walk": walked("small", USUAL_LIMITS, small),
        "small offices: any five names": walked("small literal", LITERAL, small),
    }
    all_towns = total(usual)
    is_met = all_towns.precision >= LEAST_PRECISION and all_towns.recall >= LEAST_RECALL
    title = (
        f"identity: {len(towns)} towns of {people:,} people, {sum(len(town.rows) for town in towns):,} rows in "
        f"{len(CRMS)} CRMs, {time.perf_counter() - started:.0f} s; "
        f"precision >= {LEAST_PRECISION}, recall >= {LEAST_RECALL} {'met' if is_met else 'MISSED'}"
    )
    rows = [HEADINGS, *(_cells(name, total(scores)) for name, scores in ways.items())]
    return f"{title}\n\n{aligned(rows, left=(0, len(HEADINGS) - 1))}", is_met


def by_walk(town: Town, folder: Path, limits: Limits = USUAL_LIMITS) -> Score:
    """Land, read and match the town's rows, CRM by CRM, in a DuckDB store."""
    with a_world(f"duckdb:///{folder / 'town.duckdb'}", folder) as world:
        world.limits = limits
        for crm in CRMS:
            world.sync(*(row.payload() for row in town.of(crm)), on=crm)
        rows = world.select(
            "select i.lead_id, c.crm_id from staging.identity_map i inner join staging.contacts c "
            "on c.account_id = i.account_id and c.contact_id = i.contact_id where i.is_member"
        )
    leads: dict[str, list[str]] = {}
    for row in rows:
        leads.setdefault(str(row["lead_id"]), []).append(row["crm_id"])
    return score(town, leads.values())


def by_first_match(town: Town) -> Score:
    """The same rows, cleaned as the walk cleans them, as they arrive."""
    rows = ((row.crm_id, _phones(row.phone, row.mobile), _email(row.email)) for row in town.rows)
    return score(town, first_match(rows))


def _phones(*texts: str | None) -> list[str]:
    found = [one for text in texts if text for one in parse_phones(text, "US")]
    return [one.match_key for one in found if isinstance(one, Phone)]


def _email(text: str | None) -> str | None:
    found = parse_email(text) if text else None
    return found.match_key if isinstance(found, Email) else None


def _cells(name: str, found: Score) -> tuple[str, ...]:
    return (
        name,
        f"{found.precision:.4f}",
        f"{found.recall:.4f}",
        f"{found.largest} people",
        f"{found.right + found.wrong:,}",
        f"{found.wrong:,}",
        ", ".join(f"{count:,} {cause}" for cause, count in found.wrong_by_cause.items()),
    )
