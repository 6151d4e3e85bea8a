"""The command `crm-pipeline`: all commands put together; every error becomes an exit code, and words or JSON."""

from __future__ import annotations

import gc
import io
import os
import sys
from collections.abc import Sequence

import click

from crm_pipeline import __version__
from crm_pipeline.commands import (
    app,
    checking,
    demo,
    doctor,
    lead,
    leads,
    local,
    maintenance,
    notices,
    output,
    reading,
    rebuild,
    registry,
    restoring,
    review,
    rules,
    syncing,
)  # fmt: skip
from crm_pipeline.commands.signals import Stopped, stoppable
from crm_pipeline.errors import ConfigError, PipelineError, WarehouseError
from crm_pipeline.web.serving import serve

NAME = "crm-pipeline"


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name=NAME)
def commands() -> None:
    """Keeps a product's leads in step with its customers' CRMs, through Nango.

    Exit codes: 0 done, 1 a sync failed or was held, 2 wrong use or configuration.
    """


for command in (
    syncing.sync, reading.status, leads.leads, lead.lead, leads.rejections, reading.history, reading.changes,
    rebuild.rebuild, restoring.restore, review.review, rules.together, rules.apart, rules.split, rules.rules,
    registry.connections, registry.connect, registry.disconnect, serve, checking.check, notices.notices,
    maintenance.maintenance, doctor.doctor, local.sandbox, demo.demo,
):  # fmt: skip
    commands.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the code that the shell is to be told."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    _accept_any_text()
    gc.set_threshold(100_000, 50, 100)  # a command makes many objects and few cycles, and ends
    try:
        with stoppable():
            return int(commands.main(given, prog_name=NAME, standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as help_text:
        help_text.show()
        return app.WRONG_USE
    except click.ClickException as error:
        return _fail(_wrong_use(error), as_json)
    except click.Abort as abort:
        cause = abort.__cause__ or abort.__context__
        return cause.exit_code if isinstance(cause, Stopped) else Stopped(2).exit_code
    except PipelineError as error:
        return _fail(error, as_json)
    except SystemExit:  # click and rich end the process when whoever reads its output has gone, and only then
        _close_stdout()
        return app.DONE
    except OSError as error:
        return _fail(_of_the_system(error), as_json)


def _fail(error: PipelineError, as_json: bool) -> int:
    try:
        output.write_error(error, as_json=as_json)
    except OSError:  # it is stdout itself that cannot be written
        _close_stdout()
        output.write_error(error, as_json=False)
    return app.exit_code(error)


def _wrong_use(error: click.ClickException) -> ConfigError:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else NAME
    return ConfigError("invalid_setting", error.format_message(), action=f"See `{command} --help`.")


def _of_the_system(error: OSError) -> WarehouseError:
    """A disk that is full, a folder that must not be written: no fault of ours, and no reason for a traceback."""
    place = f"Cannot use {error.filename}: " if error.filename else ""
    return WarehouseError(
        "warehouse_error",
        f"{place}{error.strerror or type(error).__name__}.",
        action="Check that the disk has room and that CRM_DATA_DIR and CRM_WAREHOUSE name places that can be written, "
        "then run the command again.",
    )


def _accept_any_text() -> None:
    """A terminal without Unicode shows `?` for what it cannot show, instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _close_stdout() -> None:
    """Whoever reads our output has gone; Python must not complain about it when it ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    raise SystemExit(main())
