"""How well people are told apart in a made-up town, and that the town and its score are what they claim to be."""

from __future__ import annotations

from pathlib import Path

from benchmarks.identity import LEAST_PRECISION, LEAST_RECALL, UNLIMITED, by_first_match, by_walk
from benchmarks.people import a_town, first_match, score


def test_the_walk_tells_people_apart_where_the_rule_read_literally_does_not(tmp_path: Path) -> None:
    town = a_town(600, seed=2)
    walked = by_walk(town, tmp_path / "walked")
    assert walked.precision >= LEAST_PRECISION, walked
    assert walked.recall >= LEAST_RECALL, walked
    unguarded = by_walk(town, tmp_path / "unguarded", UNLIMITED)
    assert unguarded.recall >= walked.recall
    assert max(unguarded.precision, by_first_match(town).precision) < 0.8


def test_a_seed_is_a_town() -> None:
    assert a_town(50, seed=3) == a_town(50, seed=3)
    assert a_town(50, seed=3) != a_town(50, seed=4)
    town = a_town(2_000)
    assert 3_300 < len(town.rows) < 3_500
    assert round(sum(person.office is not None for person in town.people), -1) == 120
    assert sum(person.role_email is not None for person in town.people) == 30


def test_pairs_are_counted() -> None:
    town = a_town(3, seed=2)
    by_person: dict[int, list[str]] = {}
    for row in town.rows:
        by_person.setdefault(row.person, []).append(row.crm_id)
    perfect, none = score(town, by_person.values()), score(town, [])
    everybody = score(town, [[row.crm_id for row in town.rows]])
    pairs = sum(len(rows) * (len(rows) - 1) // 2 for rows in by_person.values())
    assert (perfect.right, perfect.wrong, perfect.missed) == (pairs, 0, 0)
    assert (none.right, none.missed) == (0, pairs)
    assert everybody.right + everybody.wrong == len(town.rows) * (len(town.rows) - 1) // 2
    assert everybody.recall == 1


def test_first_match_takes_what_comes_first() -> None:
    rows = [("1", ["p"], None), ("2", ["q"], "e"), ("3", ["p"], "e"), ("4", [], "e")]
    assert sorted(map(sorted, first_match(rows))) == [["1", "3"], ["2", "4"]]
