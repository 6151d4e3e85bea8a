"""kill -9 at a random moment of the walk, then one more run: the same leads as without the kill, on both engines.

A first sync, and syncs after changes that let no lead go or that remove some. What heals after a kill is killed too, up
to four times. Fifty kills in the suite, half of them on each engine; `make test-kill` makes a thousand, with two CRMs
in the account. A failing moment is named, so that it can be repeated.
"""

from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.killing import Mother, Place, mother
from crm_pipeline_tests.postgres import PostgresServer

KILLS = int(os.environ.get("CRM_KILLS", "50"))
IS_LONG = "CRM_KILLS" in os.environ
IN_A_ROW = (1, 4, 5) if IS_LONG else (1, 5, 5)
"""Kills before a run may end, by turns."""
MOST_TRIES = 3
"""A command that ends before its moment is none, so more are tried than are wanted, up to so many times as many."""
SEED = os.environ.get("CRM_KILL_SEED", "1")
CRMS = ("hubspot", "zoho") if IS_LONG else ("hubspot",)
APPEND, OVERWRITE = ["sync", "--json"], ["sync", "--json", "--strategy", "overwrite"]
EARLIEST = 0.01
"""Seconds after the fork, when a command has begun."""


class Stores:
    """Makes stores of one engine, empty or as a copy of another."""

    def __init__(self, engine: str, folder: Path, server: PostgresServer | None) -> None:
        self._engine, self._folder, self._server = engine, folder, server
        self._made = 0

    def empty(self) -> Place:
        return self._place(None)

    def copy_of(self, other: Place) -> Place:
        return self._place(other)

    def drop(self, place: Place) -> None:
        """A store that is not needed any more gives its room back."""
        if self._server:
            self._execute(f"drop database {place.url.rpartition('/')[2]} with (force)")
        shutil.rmtree(place.folder)

    def _place(self, other: Place | None) -> Place:
        self._made += 1
        folder = self._folder / str(self._made)
        if other:
            shutil.copytree(other.folder, folder)
        else:
            folder.mkdir(parents=True)
        if self._server is None:
            return Place(f"duckdb:///{folder / 'crm.duckdb'}", folder)
        name = f"kill_{self._made}"
        template = other.url.rpartition("/")[2] if other else "template0"
        self._execute(f"create database {name} template {template}" + ("" if other else " encoding 'UTF8' locale 'C'"))
        return Place(self._server.url(name), folder)

    def _execute(self, text: str) -> None:
        assert self._server is not None
        with psycopg.connect(self._server.url("postgres"), autocommit=True) as connection:
            connection.execute(text.encode())


@dataclass(frozen=True, slots=True)
class Story:
    """A command from a certain state on, what comes of it, and how long it takes."""

    command: list[str]
    begins: Place | None
    facts: dict[str, list[tuple[Any, ...]]]
    seconds: float


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=200, accounts=("acme",), crms=CRMS) as running:
        yield running


@pytest.fixture(scope="module")
def commands() -> Iterator[Mother]:
    with mother() as one:
        yield one


@pytest.fixture(params=["duckdb", "postgres"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    server = request.getfixturevalue("postgres_server") if request.param == "postgres" else None
    return Stores(request.param, tmp_path / "stores", server)


def change(sandbox: Sandbox) -> None:
    """Edits, contacts that go and come back, a merge: fewer than the valve would hold."""
    portal = sandbox.portal("acme")
    ids = portal.ids()
    for number, contact in enumerate(ids[:40]):
        portal.edit(
            contact, {"phone": f"+1 212 {200 + number}{number:04d}"} if number % 2 else {"lastname": f"N{number}"}
        )
    for contact in ids[100:106]:
        portal.archive(contact)
    portal.merge(ids[110], ids[111])
    portal.restore(portal.ids(archived=True)[0])


def told(commands: Mother, stores: Stores, sandbox: Sandbox, command: list[str], begins: Place | None) -> Story:
    """The story as it goes when nobody disturbs it."""
    place = stores.copy_of(begins) if begins else stores.empty()
    seconds = commands.run(command, sandbox.environment() | place.settings, place.folder)
    facts = place.facts()
    assert place.wrong() == {}
    stores.drop(place)
    return Story(command, begins, facts, seconds)


def test_a_kill_at_any_moment_costs_nothing(sandbox: Sandbox, commands: Mother, stores: Stores) -> None:
    before = stores.empty()
    commands.run(APPEND, sandbox.environment() | before.settings, before.folder)
    change(sandbox)
    kinds = ((APPEND, None), (APPEND, before), (OVERWRITE, before))
    stories = [told(commands, stores, sandbox, command, begins) for command, begins in kinds]
    assert len(stories[0].facts["leads"]) > 100
    assert stories[2].facts["removed"]
    assert [stories[0].facts["leads"] == story.facts["leads"] for story in stories] == [True, False, False]

    dice, killed, tried, wanted = random.Random(SEED), 0, 0, KILLS / 2
    for number in itertools.count():
        if killed >= wanted or tried >= MOST_TRIES * wanted:
            break
        story = stories[number % len(stories)]
        place = stores.copy_of(story.begins) if story.begins else stores.empty()
        settings = sandbox.environment() | place.settings
        moments = [
            dice.uniform(EARLIEST, story.seconds) for _ in range(IN_A_ROW[number // len(stories) % len(IN_A_ROW)])
        ]
        tried += len(moments)
        for moment in moments:
            killed += commands.kill_after(moment, story.command, settings, place.folder)
        commands.run(story.command, settings, place.folder)
        what = f"{story.command[2:] or 'append'} killed after {[round(moment, 3) for moment in moments]} s"
        facts = place.facts()
        for name, rows in story.facts.items():
            assert facts[name] == rows, f"{what}: {name}"
        assert place.wrong() == {}, what
        stores.drop(place)
    assert killed >= wanted
