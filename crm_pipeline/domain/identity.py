"""Who is one person: how many may share a value, and how people fall apart whom a person said to keep apart.

Without such a rule a group is a connected component, which SQL finds. With one, edges are taken in a fixed order, and
one that would bring two contacts together who must stay apart is left out; so the groups depend on contacts and rules
alone, not on who came first.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

STRENGTHS = ("rule", "phone", "email")
"""Kinds of evidence, the strongest first."""

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many different names may share a value before it says nothing about who is one person."""

    people_per_phone: int = 5
    people_per_email: int = 3
    strangers: int = 2
    """Names without a word that all have; a family has one, and an office does not."""


USUAL_LIMITS = Limits()


def regroup(
    people: Sequence[Key], evidence: Iterable[tuple[str, str, Key]], apart: Iterable[tuple[Key, Key]]
) -> dict[Key, Key]:
    """Each person's group, named by its first person in the order of `people`.

    `evidence` is kind, value and who has it. All rules are followed before the first phone is looked at, all phones
    before the first e-mail; within a kind the people come in their order, and each joins those before them who share a
    value, the first of these first. A pair of `apart` never ends up in one group, whatever else says so: where a chain
    of rules would join it, the last link of the chain in that order is the one that does not hold.
    """
    groups = _Groups(people, apart)
    holders: dict[str, dict[Key, list[str]]] = {kind: {} for kind in STRENGTHS}
    for kind, value, person in evidence:
        holders[kind].setdefault(person, []).append(value)
    for kind in STRENGTHS:
        _join_by(groups, people, holders[kind])
    return {person: groups.first(person) for person in people}


def _join_by(groups: _Groups[Key], people: Sequence[Key], values_of: dict[Key, list[str]]) -> None:
    """Of each value only one holder of every group is asked: what the group refused once, it refuses for good."""
    asked: dict[str, list[Key]] = {}
    for person in people:
        values = values_of.get(person)
        if not values:
            continue
        before = {holder for value in values for holder in asked.get(value, ())}
        for holder in sorted(before, key=groups.place):
            groups.join(person, holder)
        for value in values:
            asked[value] = _one_of_each_group(groups, [*asked.get(value, ()), person])


def _one_of_each_group(groups: _Groups[Key], holders: list[Key]) -> list[Key]:
    """The first holder of each group, in order."""
    found: dict[Key, Key] = {}
    for holder in holders:
        found.setdefault(groups.first(holder), holder)
    return list(found.values())


class _Groups(Generic[Key]):
    """Union-find that knows whom each group must not take in; a group is named by its first person."""

    def __init__(self, people: Sequence[Key], apart: Iterable[tuple[Key, Key]]) -> None:
        self._places = {person: place for place, person in enumerate(people)}
        self._parents = {person: person for person in people}
        self._foes: dict[Key, set[Key]] = {}
        for one, other in apart:
            if one in self._places and other in self._places and one != other:
                self._foes.setdefault(one, set()).add(other)
                self._foes.setdefault(other, set()).add(one)

    def place(self, person: Key) -> int:
        return self._places[person]

    def first(self, person: Key) -> Key:
        while (parent := self._parents[person]) != person:
            self._parents[person] = person = self._parents[parent]
        return person

    def join(self, one: Key, other: Key) -> None:
        """Make two groups one, unless that would bring a pair together that must stay apart."""
        first, second = sorted((self.first(one), self.first(other)), key=self.place)
        if first == second or self._are_foes(first, second):
            return
        self._parents[second] = first
        if foes := self._foes.pop(second, None):
            self._foes.setdefault(first, set()).update(foes)

    def _are_foes(self, one: Key, other: Key) -> bool:
        foes, theirs = self._foes.get(one, ()), self._foes.get(other, ())
        if len(theirs) < len(foes):
            one, other, foes = other, one, theirs
        return any(self.first(foe) == other for foe in foes)
