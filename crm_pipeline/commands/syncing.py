"""The command `sync`, and how one sync after another is run and told; `connect` and `demo` tell theirs the same way."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.leads import reason_of
from crm_pipeline.commands.reading import contact_name, past_sync, reconnect_advice, would
from crm_pipeline.commands.signals import heed
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.errors import ConfigError, NangoError, PipelineError
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.settings import Settings
from crm_pipeline.walk.connection import Connection

if TYPE_CHECKING:
    from rich.console import Console

    from crm_pipeline.steps import Pipeline
    from crm_pipeline.walk.books import SyncResult
    from crm_pipeline.walk.difference import Difference

STRATEGIES = ("append", "overwrite", "preview")
APPLIED = ("append", "overwrite")
SHOWN = 20
"""Leads of a preview that people are shown; --json tells all."""
NEW, TOLD_OF_NEW = ("created", "split"), ("name", "phone")
"""Of a lead that comes into being, people are shown these fields only."""
FRAMES_PER_SECOND = 8
NO_EXAMPLES: Mapping[str, str] = {}

OnRecords = Callable[[int], None]


@dataclass(slots=True)
class Batch:
    """Syncs of one command: those that ended, and the one that a signal cut short."""

    results: list[SyncResult] = field(default_factory=list)
    interrupted: dict[str, Any] | None = None
    stop: KeyboardInterrupt | None = None

    @property
    def success(self) -> bool:
        return self.stop is None and all(result.success for result in self.results)

    def as_dict(self) -> dict[str, Any]:
        """The published answer of `sync --json`."""
        cut_short = [self.interrupted] if self.interrupted else []
        return {"success": self.success, "syncs": [_entry(result) for result in self.results] + cut_short}

    def exit_code(self) -> int:
        """What the shell is told; a signal that cut the batch short is passed on, once it is said what that means."""
        if self.stop is None:
            return app.DONE if self.success else app.FAILED
        output.told(output.error_console(), "Stopped. Nothing is lost: the next sync continues.")
        raise self.stop


@click.command()
@click.option("--account", help="Only this account.")
@click.option("--provider", type=click.Choice(sorted(PROVIDERS)), help="Only this CRM.")
@click.option(
    "--strategy", type=click.Choice(STRATEGIES), default="append", show_default=True,
    help="append removes no lead; overwrite removes those that the CRM has no contact for; preview writes nothing.",
)  # fmt: skip
@click.option("--as", "preview_of", type=click.Choice(APPLIED), help="What to preview; append unless given.")
@click.option("--full", is_flag=True, help="Fetch everything, not only what changed.")
@click.option(
    "--force",
    is_flag=True,
    help="Believe a removal that was held, as far as it was shown; with --account and --provider.",
)
@output.json_option
def sync(
    account: str | None,
    provider: str | None,
    strategy: str,
    preview_of: str | None,
    full: bool,
    force: bool,
    as_json: bool,
) -> int:
    """Pull the active connections into leads.

    Nango is asked for its connections first. One sync runs after another; one that fails does not stop the rest.
    """
    if preview_of and strategy != "preview":
        raise ConfigError(
            "invalid_setting",
            f"--as says what to preview, and --strategy {strategy} is no preview.",
            action=f"To preview it: `crm-pipeline sync --strategy preview --as {preview_of}`.",
        )
    if force and not (account and provider):
        missing = [name for name, value in (("--account", account), ("--provider", provider)) if not value]
        raise ConfigError(
            "invalid_setting",
            f"--force believes a removal that one CRM of one account shows; {' and '.join(missing)} must say which.",
            action=f"Add {' and '.join(missing)}: `crm-pipeline sync --account ACCOUNT --provider PROVIDER --force`.",
        )
    settings = Settings.from_environment()
    with app.pipeline(settings) as pipeline:
        chosen, passed_over = choose(refreshed(pipeline), account=account, provider=provider)
        if not as_json:
            tell_passed_over(passed_over)
        batch = run_syncs(
            pipeline,
            chosen,
            strategy=strategy,
            preview_of=preview_of or "append",
            full=full,
            force=force,
            limit=None if as_json else SHOWN,
            tell=_ignore if as_json else tell_sync,
        )
        if strategy != "preview" and batch.stop is None:  # who wants it stopped does not wait for a mail server
            send_notices(settings, pipeline)
    if as_json:
        output.write_json(batch.as_dict() | {"passed_over": [_passed_over(one) for one in passed_over]})
    return batch.exit_code()


def send_notices(settings: Settings, pipeline: Pipeline) -> None:
    """Tell those whom the settings name of what fails or is well again; what cannot be sent is said, and no failure."""
    if not (settings.notice_email or settings.notice_webhook):
        return
    from crm_pipeline.notices.channels import channels
    from crm_pipeline.walk.troubles import tell

    for problem in tell(pipeline.warehouse, channels(settings), now=pipeline.now()):
        output.told(output.error_console(), safe(problem), style="yellow")


def refreshed(pipeline: Pipeline) -> list[Connection]:
    """The registry after asking Nango."""
    from crm_pipeline.steps import refresh_connections

    with output.waiting("Asking Nango for its connections"):
        return refresh_connections(pipeline)


def choose(
    connections: Sequence[Connection], *, account: str | None = None, provider: str | None = None
) -> tuple[list[Connection], list[Connection]]:
    """The connections to sync, and the matching ones that cannot be; none to sync is an error that says why."""
    matching = [
        connection
        for connection in connections
        if account in (None, connection.account_id) and provider in (None, connection.provider)
    ]
    chosen = [one for one in matching if one.state == "active" and one.provider in PROVIDERS]
    passed_over = [one for one in matching if one not in chosen]
    if not chosen:
        raise _nothing_to_sync(connections, passed_over, account, provider)
    return chosen, passed_over


def run_syncs(
    pipeline: Pipeline,
    connections: Sequence[Connection],
    *,
    strategy: str = "append",
    preview_of: str = "append",
    full: bool = False,
    force: bool = False,
    trigger: str = "manual",
    limit: int | None = None,
    tell: Callable[[SyncResult], None],
) -> Batch:
    """One sync after another, each told as it ends. A signal ends the batch once the running sync closed its books."""
    from crm_pipeline.steps import sync_connection

    batch = Batch()
    for connection in connections:
        try:
            with progress(connection.label) as on_records:
                result = sync_connection(
                    pipeline,
                    connection,
                    strategy=strategy,
                    preview_of=preview_of,
                    full=full,
                    force=force,
                    trigger=trigger,
                    on_records=on_records,
                    limit=limit,
                )
        except KeyboardInterrupt as stop:
            batch.stop, batch.interrupted = stop, _cut_short(pipeline, connection)
            return batch
        batch.results.append(result)
        with suppress(SystemExit):  # rich's, when whoever reads along has gone; the syncs go on
            tell(result)
        try:
            heed()
        except KeyboardInterrupt as stop:
            batch.stop = stop
            return batch
    return batch


@contextmanager
def progress(label: str) -> Iterator[OnRecords]:
    """A line on a terminal that counts the contacts fetched; nothing anywhere else."""
    screen = output.error_console()
    if not screen.is_terminal:
        yield _ignore
        return
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(), TextColumn("{task.description}", markup=False), BarColumn(bar_width=20),
        TextColumn("{task.completed:,} contacts"), TimeElapsedColumn(),
    )  # fmt: skip
    with Progress(*columns, console=screen, transient=True, refresh_per_second=FRAMES_PER_SECOND) as bar:
        task = bar.add_task(safe(label), total=None)
        yield lambda count: bar.update(task, completed=count)


def tell_sync(result: SyncResult, *, screen: Console | None = None, examples: Mapping[str, str] = NO_EXAMPLES) -> None:
    """One finished sync in words: what it did on stdout (or `screen`), why it failed on stderr."""
    if result.error is not None:
        _tell_failure(output.error_console(), result, result.error)
        if result.status == "failed":
            return
    screen = screen or output.console()
    label = safe(result.connection.label) + (f": Preview of {result.preview_of}" if result.preview_of else "")
    told = result.results.sentence()
    output.told(screen, f": {would(told) if result.preview_of else told}", style="bold", prefix=label)
    tell_skips(screen, result, examples)
    counts = result.results
    be = "would be " if result.preview_of else ""
    split = f", {counted(counts.split, 'lead')} {be}split off" if counts.split else ""
    removed = f", {counted(counts.removed, 'lead')} {be}removed" if counts.removed else ""
    took = f"  {result.seconds:.1f} s, {counted(result.requests, 'request')}{split}{removed}"
    output.told(screen, "", prefix=took, style="dim")
    if counts.removed and not result.preview_of:
        output.told(screen, f"  Put the removed leads back: `crm-pipeline restore --sync {result.sync_id}`.")
    if result.difference is not None:
        tell_difference(screen, result.difference, is_held=result.status == "held")
    output.tell_notes(screen, result.notes)


def tell_difference(screen: Console, difference: Difference, *, is_held: bool) -> None:
    """What a preview found: how many leads would do what, and the first of them field by field."""
    output.told(screen, "  Nothing was written.")
    if is_held:
        output.told(screen, "  If the removal were released with --force:")
    if not difference.total:
        output.told(screen, "  No lead would change.")
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in difference.totals.items())
    output.told(screen, f"  {counted(difference.total, 'lead')} would change: {kinds}.")
    cells = [
        (
            lead.name or "–",
            change.kind,
            change.field,
            change.old_value,
            change.new_value,
            contact_name(change.provider, change.crm_id),
        )
        for lead in difference.leads
        for change in lead.changes
        if change.kind not in NEW or change.field in TOLD_OF_NEW
    ]
    screen.print(output.table(screen, ("Lead", "What", "Field", "Before", "After", "From"), cells))
    if difference.total > len(difference.leads):
        output.told(screen, f"  {len(difference.leads):,} of {difference.total:,} are shown; --json tells all.")


def tell_skips(screen: Console, result: SyncResult, examples: Mapping[str, str] = NO_EXAMPLES) -> None:
    """How many contacts are no leads, by reason, with its meaning and, where there is one, an example."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if not result.results.skipped:
        return
    output.told(screen, f"  {counted(result.results.skipped, 'contact')} skipped:")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(justify="right", no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column()
    for code, count in result.results.skipped_by_reason.items():
        example = (f" {examples[code]}", "dim") if code in examples else ""
        grid.add_row(Text(f"{count:,}"), Text(code, "cyan"), Text.assemble(reason_of(code).meaning, example))
    screen.print(Padding(grid, (0, 0, 0, 4), expand=False))


def tell_passed_over(connections: Sequence[Connection]) -> None:
    """Connections that are not synced, and why, on stderr."""
    for connection in connections:
        facts = _passed_over(connection)
        output.told(output.error_console(), f"{_label(connection)}: not synced, {facts['reason']}")
        output.told(output.error_console(), f"  {facts['action']}")


def _tell_failure(screen: Console, result: SyncResult, error: PipelineError) -> None:
    name = safe(result.connection.label)
    message = safe(error.message).removeprefix(f"{name}: ")
    output.told(screen, f" ({error.code}): {message}", style="bold red", prefix=f"{name}: {result.status}")
    output.told(screen, f"  {_action(result, error)}")
    for note in result.notes if result.status == "failed" else ():
        output.told(screen, f"  {safe(note)}")


def _action(result: SyncResult, error: PipelineError) -> str:
    """What to do, with the command to type where it depends on the connection."""
    if error.code != "connection_expired":
        return safe(error.action)
    return reconnect_advice({"account_id": result.connection.account_id, "provider": result.connection.provider})


def _entry(result: SyncResult) -> dict[str, Any]:
    told = {"action": _action(result, result.error)} if result.error else {}
    entry = result.as_dict()
    return entry | ({"error": entry["error"] | told} if told else {})


def _label(connection: Connection) -> str:
    return safe(connection.label if connection.account_id else f"(unassigned)/{connection.provider}")


def _passed_over(connection: Connection) -> dict[str, str]:
    """A connection that is not synced, why, and what to do."""
    row = {"account_id": connection.account_id, "provider": connection.provider}
    if connection.provider not in PROVIDERS:
        reason, action = "this version does not know the CRM", "Update crm-pipeline."
    elif connection.state == "unassigned":
        reason = "it belongs to no account"
        action = f"Give the connection {connection.nango_connection_id} the tag `account_id` at Nango."
    elif connection.state == "needs_reconnect":
        reason, action = "its CRM has to be connected again", reconnect_advice(row)
    else:
        reason, action = "it is disconnected", reconnect_advice(row)
    return {**row, "connection_id": str(connection.id), "state": connection.state, "reason": reason, "action": action}


def _nothing_to_sync(
    connections: Sequence[Connection], passed_over: Sequence[Connection], account: str | None, provider: str | None
) -> PipelineError:
    wanted = "/".join(part for part in (account, provider) if part)
    if passed_over:
        facts = [_passed_over(connection) for connection in passed_over]
        reasons = "; ".join(f"{_label(one)}: {fact['reason']}" for one, fact in zip(passed_over, facts, strict=True))
        message = f"No connection can be synced. {reasons}."
        is_expired = any(connection.state == "needs_reconnect" for connection in passed_over)
        code = "connection_expired" if is_expired else "connection_not_found"
        return NangoError(code, message, action=" ".join(dict.fromkeys(str(fact["action"]) for fact in facts)))
    if connections:
        known = ", ".join(sorted({_label(connection) for connection in connections})[:20])
        return NangoError(
            "connection_not_found",
            f"No connection matches {wanted}. There are: {known}.",
            action="Correct --account or --provider, or connect the CRM: `crm-pipeline connect ACCOUNT PROVIDER`.",
        )
    return NangoError(
        "connection_not_found",
        "Nango holds no connection to any of our CRMs.",
        action="Connect one: `crm-pipeline connect ACCOUNT PROVIDER` prints the link to open.",
    )


def _cut_short(pipeline: Pipeline, connection: Connection) -> dict[str, Any] | None:
    """What the books say about the sync that a signal ended."""
    with suppress(PipelineError), pipeline.warehouse.session() as session:
        for row in session.rows("reports/history", account_id=connection.account_id, row_limit=None):
            if row["connection_id"] == connection.id and row["status"] == "interrupted":
                return _as_entry(past_sync(row)) | {"nango_connection_id": connection.nango_connection_id}
    return None


def _as_entry(row: dict[str, Any]) -> dict[str, Any]:
    """A row of the books in the shape of `sync --json`."""
    counts = ("fetched", "created", "updated", "unchanged", "merged", "skipped", "removed", "split")
    same = (
        "sync_id", "account_id", "provider", "connection_id", "strategy", "pass", "status", "skipped_by_reason",
        "requests", "seconds", "started_at", "finished_at", "notes",
    )  # fmt: skip
    facts = {name: row[name] for name in same}
    if row["strategy"] == "preview":
        facts |= {"preview_of": row["preview_of"], "difference": None}
    return facts | {"success": False, "results": {name: row[name] for name in counts}, "error": None}


def _ignore(_: object) -> None:
    """Tell nothing."""
