"""Groups in which some must stay apart: by example, and against the definition taken word by word."""

from __future__ import annotations

import itertools
import time

from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.identity import STRENGTHS, regroup

Evidence = list[tuple[str, str, int]]
PEOPLE = range(8)
evidence_of_people = st.lists(
    st.tuples(st.sampled_from(STRENGTHS), st.sampled_from("uvwx"), st.sampled_from(PEOPLE)), max_size=24, unique=True
)
pairs_of_people = st.lists(st.tuples(st.sampled_from(PEOPLE), st.sampled_from(PEOPLE)), max_size=5)


def sets(groups: dict[int, int]) -> set[frozenset[int]]:
    found: dict[int, set[int]] = {}
    for person, first in groups.items():
        found.setdefault(first, set()).add(person)
    return {frozenset(group) for group in found.values()}


def by_the_word(people: list[int], evidence: Evidence, apart: list[tuple[int, int]]) -> set[frozenset[int]]:
    """Every edge by itself: kinds in order, the later person in order, the earlier one in order."""
    groups = {person: {person} for person in people}
    for kind in STRENGTHS:
        for later, earlier in itertools.product(range(len(people)), repeat=2):
            one, other = people[later], people[earlier]
            if earlier >= later or not any(
                (kind, value, one) in evidence and (kind, value, other) in evidence for value in "uvwx"
            ):
                continue
            joined = groups[one] | groups[other]
            if not any(a in joined and b in joined and a != b for a, b in apart):
                groups |= dict.fromkeys(joined, joined)
    return {frozenset(group) for group in groups.values()}


@given(order=st.permutations(PEOPLE), evidence=evidence_of_people, apart=pairs_of_people)
def test_it_is_what_the_definition_says(order: list[int], evidence: Evidence, apart: list[tuple[int, int]]) -> None:
    assert sets(regroup(order, evidence, apart)) == by_the_word(order, evidence, apart)


@given(order=st.permutations(PEOPLE), evidence=evidence_of_people, apart=pairs_of_people, data=st.data())
def test_the_order_of_evidence_and_rules_means_nothing(
    order: list[int], evidence: Evidence, apart: list[tuple[int, int]], data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(evidence)), data.draw(st.permutations([(b, a) for a, b in apart]))
    assert regroup(order, *shuffled) == regroup(order, evidence, apart)


@given(order=st.permutations(PEOPLE), evidence=evidence_of_people, apart=pairs_of_people)
def test_nobody_is_with_whom_they_stay_apart_from(
    order: list[int], evidence: Evidence, apart: list[tuple[int, int]]
) -> None:
    groups = regroup(order, evidence, apart)
    assert [pair for pair in apart if groups[pair[0]] == groups[pair[1]] and pair[0] != pair[1]] == []
    assert all(order.index(first) <= order.index(person) for person, first in groups.items())


def test_without_a_rule_it_is_who_shares_something() -> None:
    groups = regroup([1, 2, 3, 4], [("phone", "p", 1), ("phone", "p", 2), ("email", "e", 2), ("email", "e", 3)], [])
    assert groups == {1: 1, 2: 1, 3: 1, 4: 4}


def test_a_phone_outweighs_an_email() -> None:
    evidence = [("email", "e", 1), ("email", "e", 3), ("phone", "p", 2), ("phone", "p", 3)]
    assert regroup([1, 2, 3], evidence, [(1, 2)]) == {1: 1, 2: 2, 3: 2}


def test_a_rule_outweighs_a_phone() -> None:
    evidence = [("phone", "p", 1), ("phone", "p", 3), ("rule", "r", 2), ("rule", "r", 3)]
    assert regroup([1, 2, 3], evidence, [(1, 2)]) == {1: 1, 2: 2, 3: 2}


def test_a_chain_of_together_ends_where_it_would_join_two_who_stay_apart() -> None:
    chain = [("rule", "12", 1), ("rule", "12", 2), ("rule", "23", 2), ("rule", "23", 3)]
    assert regroup([1, 2, 3], chain, [(1, 3)]) == {1: 1, 2: 1, 3: 3}


def test_five_thousand_on_one_phone_take_no_minutes() -> None:
    """Each asks one of every group before it, not everybody."""
    people = list(range(5_000))
    apart = list(itertools.combinations(range(20), 2))
    started = time.process_time()
    groups = regroup(people, [("phone", "p", person) for person in people], apart)
    assert time.process_time() - started < 2
    assert len(set(groups.values())) == 20
