"""The command `demo`: the whole walk against the sandbox, told step by step; needs no account anywhere."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from crm_pipeline.commands import app, output, syncing
from crm_pipeline.commands.leads import find_leads, print_leads
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.errors import ConfigError
from crm_pipeline.settings import Secret, Settings
from crm_pipeline.warehouse.session import Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal
    from crm_pipeline.sandbox.server import Sandbox
    from crm_pipeline.steps import Pipeline
    from crm_pipeline.walk.books import SyncResult

OWN_SETTINGS = ("CRM_WAREHOUSE", "CRM_DATA_DIR", "CRM_DEFAULT_REGION")
"""All that the demo takes from the environment; a key to a real Nango is none of its business."""
SHOWN, CHANGES_SHOWN, LINES = 10, 8, 3
LOG_WIDTH = 100
"""Columns of the story where no terminal says how many there are."""
KINDS = {
    "created": "a new lead",
    "split": "a new lead: no longer the same person as another one",
    "inactive": "not to be texted any more:",
    "active": "may be texted again",
    "merged": "merged into",
}
UNTOLD = ("first_name", "last_name", "crm_id", "crm_contact_id")
"""Fields whose change says nothing that another field's does not."""
ACCOUNTS = ("acme", "globex")
NAME = "crm-pipeline"
NO_FILE = Path(os.devnull)


@click.command()
@click.option("--contacts", type=click.IntRange(20), default=1000, show_default=True, help="Contacts of each account.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same people.")
@output.json_option
def demo(contacts: int, seed: int, as_json: bool) -> int:
    """Made-up CRMs, synced into leads, step by step."""
    from crm_pipeline.sandbox.server import Sandbox

    screen = output.error_console() if as_json else output.console(LOG_WIDTH)
    with Sandbox(seed=seed, contacts=contacts, accounts=ACCOUNTS) as sandbox:
        settings = demo_settings(os.environ, sandbox)
        with app.pipeline(settings) as pipeline:
            _refuse_real_store(pipeline)
            story = Story(screen, settings, sandbox, pipeline)
            batches = [batch for batch in story.tell() if batch]
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

    def __init__(self, screen: Console, settings: Settings, sandbox: Sandbox, pipeline: Pipeline) -> None:
        self._screen, self._settings = screen, settings
        self._sandbox, self._pipeline = sandbox, pipeline
        self.account = ACCOUNTS[0]

    def tell(self) -> Iterator[syncing.Batch]:
        """The batches of syncs, each as it ends."""
        accounts = " and ".join(ACCOUNTS)
        self._title("1. A local Nango, and a HubSpot for each of two accounts")
        self._say(f"The accounts are {accounts}. Everything runs on this machine; no account is needed anywhere.")
        self._title("2. The first sync reads everything")
        first = self._sync(with_examples=True)
        yield first
        if not first.success:
            return
        self._title(f"3. The leads of {self.account}: one row per person, the latest activity first")
        print_leads(self._screen, self.leads())
        self._title(f"4. People work in the HubSpot of {self.account}")
        for line in change_contacts(self._sandbox.portal(self.account), self._all_leads()):
            self._say(f"- {safe(line)}")
        self._title("5. The second sync reads only what changed")
        second = self._sync(with_examples=False)
        yield second
        for result in second.results:
            self._show_changes(result)
        self._title("What next")
        self._say_next()

    def leads(self) -> list[Row]:
        """Ten leads of the first account."""
        with app.reading(self._pipeline.warehouse) as session:
            rows = find_leads(session, self.account, limit=SHOWN)
        return [{name: value for name, value in row.items() if name != "total"} for row in rows]

    def _all_leads(self) -> list[Row]:
        with app.reading(self._pipeline.warehouse) as session:
            return find_leads(session, self.account)

    def _sync(self, *, with_examples: bool) -> syncing.Batch:
        connections, _ = syncing.choose(syncing.refreshed(self._pipeline))
        return syncing.run_syncs(
            self._pipeline, connections, trigger="demo", tell=lambda result: self._tell_sync(result, with_examples)
        )

    def _tell_sync(self, result: SyncResult, with_examples: bool) -> None:
        syncing.tell_sync(result, screen=self._screen, examples=self._examples(result) if with_examples else {})

    def _examples(self, result: SyncResult) -> dict[str, str]:
        keys = {"account_id": result.connection.account_id, "connection_id": str(result.connection.id)}
        with app.reading(self._pipeline.warehouse) as session:
            rows = session.rows("reports/rejected_examples", **keys)
        return {row["reason"]: _example(row) for row in rows}

    def _show_changes(self, result: SyncResult) -> None:
        keys = {"account_id": result.connection.account_id, "sync_id": str(result.sync_id)}
        with app.reading(self._pipeline.warehouse) as session:
            rows = session.rows("reports/sync_changes", **keys, row_limit=None)
        if not rows:
            return
        self._screen.print()
        names = {str(row["lead_id"]): row["name"] for row in rows if row["name"]}
        leads = [list(changes) for _, changes in groupby(rows, key=lambda row: row["lead_id"])]
        cells = [(changes[0]["name"] or "(another lead)", _change(changes, names)) for changes in leads[:CHANGES_SHOWN]]
        self._screen.print(output.table(self._screen, ("Lead", "What the sync changed"), cells))

    def _say_next(self) -> None:
        store, program = self._settings.warehouse, _program()
        self._say("Look at what is in the store:")
        for command in (f"leads {self.account} --search jo", f"rejections {self.account}", "status", "history"):
            self._say(f"  CRM_WAREHOUSE={store} {program} {command}")
        self._say(f"Or play on with `{program} sandbox` in one terminal and `{program} sync` in another.")
        self._say("`make dev` opens the Dagster UI: the asset graph and the hourly schedule.")
        self._say(f"With your own Nango: set NANGO_SECRET_KEY, run `{program} doctor`, then `{program} sync`.")

    def _title(self, text: str) -> None:
        from rich.text import Text

        self._screen.print()
        self._screen.print(Text(text, "bold"))
        self._screen.print()

    def _say(self, text: str) -> None:
        from rich.text import Text

        self._screen.print(Text(text), soft_wrap=text.startswith("  "))


def change_contacts(portal: HubSpotPortal, leads: list[Row]) -> Iterator[str]:
    """A few contacts edited, one archived, two merged; says what was done."""
    chosen = [lead for lead in leads if portal.find(lead["crm_id"]) is not None and not lead["crm_inactive_at"]]
    stage, renamed, called, archived, kept, lost = chosen[:6]
    portal.edit(stage["crm_id"], {"lifecyclestage": "customer"})
    yield f"{stage['name']} becomes a customer"
    portal.edit(renamed["crm_id"], {"lastname": "Demo-Married"})
    yield f"{renamed['name']} gets a new last name"
    portal.edit(called["crm_id"], {"phone": "(415) 555-2671", "mobilephone": "", "country": "United States"})
    yield f"{called['name']} gets a new phone, typed as (415) 555-2671"
    portal.archive(archived["crm_id"])
    yield f"{archived['name']} is deleted"
    portal.merge(kept["crm_id"], lost["crm_id"])
    yield f"{lost['name']} turns out to be {kept['name']}: their contacts are merged"
    portal.create({"firstname": "Ada", "lastname": "New", "phone": "020 7946 0018", "country": "United Kingdom"})
    yield "Ada New is added, phone 020 7946 0018 in the United Kingdom"


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


def _change(changes: list[Row], names: Mapping[str, str]) -> Text:
    """What happened to one lead, a line for each thing; `names` of other leads by id."""
    from rich.text import Text

    lines = []
    for row in changes:
        if row["kind"] == "updated" and row["field"] not in UNTOLD:
            lines.append(f"{row['field']}: {_value(row, 'old_value')} → {_value(row, 'new_value')}")
        elif row["kind"] != "updated":
            value = safe(names.get(row["new_value"], row["new_value"]))
            lines.append(f"{KINDS.get(row['kind'], row['kind'])} {value}".strip())
    more = [f"and {counted(len(lines) - LINES, 'more field')}"] if len(lines) > LINES else []
    return Text("\n".join([*lines[:LINES], *more]))


def _value(row: Row, name: str) -> str:
    """A value before or after a change; of a moment, the day and the minute."""
    text = safe(row[name]) or "–"
    return text[:16] if row["field"].endswith("_at") else text


def _program() -> str:
    """What to type: the bare name only where the shell finds it."""
    started = sys.argv[0]
    if shutil.which(NAME) or Path(started).name != NAME:
        return NAME
    return os.path.relpath(started) if Path(started).is_relative_to(Path.cwd()) else started


def _example(row: Row) -> str:
    """One rejected contact, in brackets: its name and the text in the CRM that is the reason."""
    text = f"“{safe(row['value'])}”" if row["value"] else ""
    name = safe(row["name"]) or "one without a name"
    return f"Such as {name}{': ' if text else ''}{text}."
