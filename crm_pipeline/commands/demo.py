"""The command `demo`: the whole walk against the sandbox, told step by step; needs no account anywhere."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_pipeline.commands import app, demo_tables, output, syncing
from crm_pipeline.commands.demo_work import work
from crm_pipeline.commands.leads import find_leads, print_leads
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.errors import ConfigError
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.settings import Secret, Settings
from crm_pipeline.warehouse.session import Row

if TYPE_CHECKING:
    from rich.console import Console

    from crm_pipeline.sandbox.server import Sandbox
    from crm_pipeline.steps import Pipeline
    from crm_pipeline.walk.books import SyncResult

OWN_SETTINGS = ("CRM_WAREHOUSE", "CRM_DATA_DIR", "CRM_DEFAULT_REGION")
"""All that the demo takes from the environment; a key to a real Nango is none of its business."""
SHOWN = 10
LOG_WIDTH = 100
"""Columns of the story where no terminal says how many there are."""
ACCOUNTS = ("acme", "globex")
NAME = "crm-pipeline"
NO_FILE = Path(os.devnull)


@click.command()
@click.option("--contacts", type=click.IntRange(20), default=200, show_default=True, help="Contacts in each CRM.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same people.")
@output.json_option
def demo(contacts: int, seed: int, as_json: bool) -> int:
    """Made-up CRMs, synced into leads, step by step."""
    from crm_pipeline.sandbox.server import Sandbox

    screen = output.error_console() if as_json else output.console(LOG_WIDTH)
    with Sandbox(seed=seed, contacts=contacts, accounts=ACCOUNTS, crms=tuple(PROVIDERS)) as sandbox:
        settings = demo_settings(os.environ, sandbox)
        with app.pipeline(settings) as pipeline:
            _refuse_real_store(pipeline)
            story = Story(screen, settings, sandbox, pipeline, contacts)
            batches = list(story.tell())
    if as_json:
        output.write_json(_document(batches, story))
    return max(batch.exit_code() for batch in batches)


def demo_settings(environ: Mapping[str, str], sandbox: Sandbox) -> Settings:
    """Settings that lead to the sandbox, and to a fresh store of the demo's own unless CRM_WAREHOUSE names another."""
    own = {name: environ[name] for name in OWN_SETTINGS if name in environ}
    settings = Settings.from_environment(own, dotenv=NO_FILE)
    settings = replace(settings, nango_host=sandbox.url, nango_secret_key=Secret(sandbox.secret_key))
    if own.get("CRM_WAREHOUSE", "").strip():
        return settings
    file = settings.data_dir / "demo.duckdb"
    for old in (file, file.with_suffix(".duckdb.wal")):
        old.unlink(missing_ok=True)
    folder = settings.data_dir / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    return replace(settings, warehouse=f"duckdb:///{file}", data_dir=folder)


class Story:
    """What the demo does and says, in order."""

    def __init__(
        self, screen: Console, settings: Settings, sandbox: Sandbox, pipeline: Pipeline, contacts: int
    ) -> None:
        self._screen, self._settings, self._contacts = screen, settings, contacts
        self._sandbox, self._pipeline = sandbox, pipeline
        self.account = ACCOUNTS[0]

    def tell(self) -> Iterator[syncing.Batch]:
        """The batches of syncs, each as it ends."""
        self._title(f"1. A local Nango with {len(PROVIDERS)} CRMs for each of two accounts")
        crms = _listed([provider.title for provider in PROVIDERS.values()])
        self._say(
            f"{_listed(ACCOUNTS)} each use {crms}, with {counted(self._contacts, 'made-up contact')} in each. "
            "Everything runs on this machine; no account is needed anywhere."
        )
        self._title("2. The first sync reads everything")
        first = self._sync(demo_tables.FIRST)
        yield first
        if not first.success:
            return
        self._show_skipped(first.results)
        self._title(f"3. The leads of {self.account}: one row per person, the latest activity first")
        print_leads(self._screen, self.leads())
        self._title("4. People in several CRMs became one lead each")
        leads = self._people()
        self._show_people(leads)
        self._title(f"5. People work in the CRMs of {self.account}")
        self._screen.print(demo_tables.work_done(work(self._sandbox, self.account, leads)))
        self._title(f"6. The second sync of {self.account} reads only what changed")
        second = self._sync(demo_tables.LATER, account=self.account)
        yield second
        if not second.success:
            return
        self._screen.print()
        self._show_changes(second.results, {str(rows[0]["lead_id"]): rows[0]["lead_name"] for rows in leads})
        self._title("What next")
        self._say_next()

    def leads(self) -> list[Row]:
        """Ten leads of the first account."""
        with app.reading(self._pipeline.warehouse) as session:
            rows = find_leads(session, self.account, limit=SHOWN)
        return [{name: value for name, value in row.items() if name != "total"} for row in rows]

    def _people(self) -> list[list[Row]]:
        """The contacts behind each lead of the first account."""
        with app.reading(self._pipeline.warehouse) as session:
            return demo_tables.by_lead(session.rows("reports/lead_contacts", account_id=self.account))

    def _sync(self, told: Sequence[str], account: str | None = None) -> syncing.Batch:
        connections, _ = syncing.choose(syncing.refreshed(self._pipeline), account=account)
        lines = demo_tables.SyncLines(told, [connection.label for connection in connections])
        self._print(lines.heading(), style="bold")

        def tell(result: SyncResult) -> None:
            if result.error is not None:
                syncing.tell_sync(result, screen=self._screen)
                return
            self._print(lines.of(result))
            for note in result.notes:
                self._say(f"  Note: {safe(note)}")

        return syncing.run_syncs(self._pipeline, connections, trigger="demo", tell=tell)

    def _show_skipped(self, results: Sequence[SyncResult]) -> None:
        new, known, skipped = (
            sum(getattr(result.results, name) for result in results) for name in ("created", "merged", "skipped")
        )
        self._screen.print()
        self._say(
            f"{counted(new, 'contact')} made a new lead. {known:,} are of people whom another contact had made a lead "
            f"already. {skipped:,} are no leads, each for a reason that somebody can act on:"
        )
        self._screen.print()
        found: dict[str, list[Row]] = {}
        with app.reading(self._pipeline.warehouse) as session:
            for result in results:
                connection = result.connection
                keys = {"account_id": connection.account_id, "connection_id": str(connection.id)}
                for row in session.rows("reports/rejected_examples", **keys):
                    found.setdefault(row["reason"], []).append(row | {"provider": connection.provider})
        self._screen.print(demo_tables.reasons(self._screen, results, found))

    def _show_people(self, leads: Sequence[list[Row]]) -> None:
        several = demo_tables.in_several(leads)
        if not several:
            self._say("Nobody was met twice this time; more --contacts or another --seed changes that.")
            return
        self._say(f"Of {counted(len(leads), 'lead')} of {self.account}, {demo_tables.how_many(several)}. Such as:")
        self._screen.print()
        self._screen.print(demo_tables.same_people(self._screen, several))

    def _show_changes(self, results: Sequence[SyncResult], names: Mapping[str, str]) -> None:
        with app.reading(self._pipeline.warehouse) as session:
            syncs = [
                (
                    result.connection.provider,
                    session.rows(
                        "reports/sync_changes", account_id=self.account, sync_id=str(result.sync_id), row_limit=None
                    ),
                )
                for result in results
            ]
        self._screen.print(demo_tables.changes(self._screen, syncs, names))

    def _say_next(self) -> None:
        store, program = self._settings.warehouse, _program()
        self._say("Look at what is in the store:")
        for command in (f"leads {self.account} --search jo", f"rejections {self.account}", "status", "history"):
            self._print(f"  CRM_WAREHOUSE={store} {program} {command}")
        self._say(f"Or play on with `{program} sandbox` in one terminal and `{program} sync` in another.")
        self._say("`make dev` opens the Dagster UI: the asset graph and the hourly schedule.")
        self._say(f"With your own Nango: set NANGO_SECRET_KEY, run `{program} doctor`, then `{program} sync`.")

    def _title(self, text: str) -> None:
        self._screen.print()
        self._print(text, style="bold")
        self._screen.print()

    def _say(self, text: str) -> None:
        """A text, wrapped at words."""
        from rich.text import Text

        self._screen.print(Text(text))

    def _print(self, line: str, *, style: str = "") -> None:
        """A line, which a narrow terminal wraps, so that it can be copied whole."""
        from rich.text import Text

        self._screen.print(Text(line, style), soft_wrap=True)


def _refuse_real_store(pipeline: Pipeline) -> None:
    """The demo's Nango knows only its own connections; in a store of another Nango it would disconnect all others."""
    ours = {(one.nango_integration, one.nango_connection_id) for one in pipeline.nango.list_connections()}
    with app.reading(pipeline.warehouse) as session:
        rows = session.rows("registry/connections", account_id=None, only_provider=None)
    if any((row["nango_integration"], row["nango_connection_id"]) not in ours for row in rows):
        raise ConfigError(
            "invalid_setting",
            "CRM_WAREHOUSE names a store that holds connections of another Nango; the demo would disconnect them.",
            action="Unset CRM_WAREHOUSE, or let it name a new file.",
        )


def _document(batches: list[syncing.Batch], story: Story) -> dict[str, Any]:
    entries = [entry for batch in batches for entry in batch.as_dict()["syncs"]]
    success = all(batch.success for batch in batches)
    return {"success": success, "syncs": entries, "leads": story.leads() if success else []}


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _program() -> str:
    """What to type: the bare name only where the shell finds it."""
    started = sys.argv[0]
    if shutil.which(NAME) or Path(started).name != NAME:
        return NAME
    return os.path.relpath(started) if Path(started).is_relative_to(Path.cwd()) else started
