"""`python -m benchmarks`: measure, print the table, and with `--strict` end with 1 when a target was missed."""

from __future__ import annotations

import argparse
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Any

import orjson

from benchmarks import crms, pages, parallel, processes, report, sandbox, scale
from benchmarks.processes import BenchmarkFailed, Usage
from benchmarks.report import Line, Target
from benchmarks.stages import STAGES, run_stage

Facts = dict[str, Any]
WALK = (("land", "fetch and land (dlt)"), ("contacts", "contacts (map, normalize)"), ("leads", "leads (match, build)"))
FULL, CHANGES, NOTHING = Target(15, 450), Target(4), Target(3)
CHILDREN = STAGES | scale.STAGES | pages.STAGES
LIBRARIES = ("dlt", "duckdb", "pyarrow", "orjson", "phonenumbers")
CONTACTS = 100_000
PAGE_RUNS = 20
"""Requests of each page at least: a p95 of fewer is none."""
DONE, MISSED, FAILED = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure; or, for our own child processes, run one stage."""
    options = _options(arguments)
    if options.command == "stage":
        run_stage(CHILDREN[options.name])
        return DONE
    signal.signal(signal.SIGTERM, _stop)
    try:
        with tempfile.TemporaryDirectory(prefix="crm-bench-") as folder:
            parts = {
                "crms": measure_crms,
                "scale": measure_scale,
                "identity": measure_identity,
                "parallel": measure_parallel,
                "fleet": measure_fleet,
                "pages": measure_pages,
            }
            return parts.get(options.only, measure)(options, Path(folder))
    except BenchmarkFailed as error:
        print(error, file=sys.stderr)
        return FAILED


def measure(options: argparse.Namespace, folder: Path) -> int:
    """All runs against one sandbox, and the table."""
    machine = _machine(options.contacts, options.runs)
    runs, domains = [], []
    with sandbox.running(options.contacts, folder) as environment:
        for number in range(options.runs):
            print(f"run {number + 1} of {options.runs} ...", file=sys.stderr, flush=True)
            with tempfile.TemporaryDirectory(dir=folder) as own:
                lines, domain = one_run(environment, Path(own), number, options)
            runs.append(lines)
            domains.append(domain)
    lines = report.medians(runs)
    print(f"{machine}\n\n{report.table(lines)}")
    if options.only != "syncs":
        print(_domain_sentence(domains))
    is_missed = any(line.is_missed for line in lines)
    if options.only is None:
        print()
        is_missed |= measure_identity(options, folder) != DONE
    return MISSED if options.strict and is_missed else DONE


def measure_crms(options: argparse.Namespace, folder: Path) -> int:
    """Every CRM beside HubSpot."""
    machine = _machine(options.contacts, options.runs)
    table, is_met = crms.measure(options.contacts, options.runs, folder)
    print(f"{machine}\n\n{table}")
    return MISSED if options.strict and not is_met else DONE


def measure_identity(options: argparse.Namespace, folder: Path) -> int:
    """Who is one person, in towns where that is known."""
    from benchmarks import identity

    table, is_met = identity.measure(folder / "identity")
    print(table)
    return MISSED if options.strict and not is_met else DONE


def measure_scale(options: argparse.Namespace, folder: Path) -> int:
    """One account with very many contacts."""
    machine = _machine(options.contacts, 1)
    table, is_met = scale.measure(options.contacts, folder, postgres=options.postgres)
    print(f"{machine}\n\n{table}")
    return MISSED if options.strict and not is_met else DONE


def measure_parallel(options: argparse.Namespace, folder: Path) -> int:
    """Four CRMs of one account into one PostgreSQL."""
    machine = _machine(options.contacts, options.runs)
    table, is_met = parallel.measure(options.contacts, options.runs, folder)
    print(f"{machine}\n\n{table}")
    return MISSED if options.strict and not is_met else DONE


def measure_fleet(options: argparse.Namespace, folder: Path) -> int:
    """Many connections, some of them in trouble, in the runs of one tick."""
    from benchmarks import fleet

    table, is_met = fleet.measure(folder, options.accounts)
    print(f"{fleet.CONTACTS} contacts a connection; {_processors()}\n\n{table}")
    return MISSED if options.strict and not is_met else DONE


def measure_pages(options: argparse.Namespace, folder: Path) -> int:
    """The pages of one account with very many leads."""
    table, is_met = pages.measure(options.contacts, max(options.runs, PAGE_RUNS), folder, postgres=options.postgres)
    print(f"{_processors()}\n{table}")
    return MISSED if options.strict and not is_met else DONE


def one_run(
    environment: Mapping[str, str], folder: Path, number: int, options: argparse.Namespace
) -> tuple[list[Line], Facts]:
    """Everything once, on fresh stores."""
    reader, contacts = sandbox.Reader.of(environment), options.contacts
    ids = sandbox.warm(reader, contacts)
    lines, domain = [_stage("read", "bare read loop", environment, folder, contacts)], Facts()
    if options.only != "syncs":
        started = processes.run(("benchmarks", "stage", "start"), environment, folder)
        lines.append(_line("start-up and imports", started))
        staged = _store(environment, folder / "stages")
        lines += [_stage(stage, name, staged, folder, contacts) for stage, name in WALK]
        domain = orjson.loads(processes.run(("benchmarks", "stage", "domain"), staged, folder).output)
    if options.only != "stages":
        store = _store(environment, folder / "sync")
        lines.append(_sync("whole sync", store, folder, FULL, contacts=contacts))
        edited = sandbox.edit_some(reader, ids, options.changes, number)
        lines.append(_sync(f"incremental sync, {edited} changes", store, folder, CHANGES, changes=edited))
        lines.append(_sync("sync without changes", store, folder, NOTHING, changes=0))
    reader.pool.close()
    return lines, domain


def _stage(stage: str, name: str, environment: Mapping[str, str], folder: Path, contacts: int) -> Line:
    """A stage in a process of its own: its own clock, our look at its memory."""
    usage = processes.run(("benchmarks", "stage", stage), environment, folder)
    facts = orjson.loads(usage.output)
    if facts.get("contacts", contacts) != contacts:
        raise BenchmarkFailed(f"{name}: went through {facts['contacts']} contacts, not {contacts}")
    return Line(name, facts["seconds"], facts["cpu"], usage.peak, contacts)


def _sync(
    name: str, environment: Mapping[str, str], folder: Path, target: Target, *,
    contacts: int | None = None, changes: int | None = None,
) -> Line:  # fmt: skip
    """The command as a process; raises when it did not do what it is timed for."""
    usage = processes.run(("crm_pipeline.cli", "sync", "--json"), environment, folder)
    (told,) = orjson.loads(usage.output)["syncs"]
    results = told["results"]
    changed = results["created"] + results["updated"] + results["merged"] + results["split"]
    if contacts is not None and results["fetched"] != contacts:
        raise BenchmarkFailed(f"{name}: went through {results['fetched']} contacts, not {contacts}")
    if changes is not None and (changed == 0) != (changes == 0):
        raise BenchmarkFailed(f"{name}: did not see exactly the changes that were made: {results}")
    return _line(name, usage, contacts, target)


def _line(name: str, usage: Usage, contacts: int | None = None, target: Target | None = None) -> Line:
    return Line(name, usage.seconds, usage.cpu, usage.peak, contacts, target)


def _store(environment: Mapping[str, str], folder: Path) -> dict[str, str]:
    """The sandbox's settings and those of an empty embedded store."""
    folder.mkdir()
    return {**environment, "CRM_WAREHOUSE": f"duckdb:///{folder / 'crm.duckdb'}", "CRM_DATA_DIR": str(folder / "data")}


def _machine(contacts: int, runs: int) -> str:
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    return (
        f"{contacts:,} contacts, {f'median of {runs} runs' if runs > 1 else 'one run'}; {_processors()}; "
        f"Python {platform.python_version()}, {libraries}"
    )


def _processors() -> str:
    return f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before"


def _domain_sentence(domains: Sequence[Facts]) -> str:
    facts = domains[0]
    phones = facts["phones"] / median(run["phone_seconds"] for run in domains)
    contacts = facts["contacts"] / median(run["contact_seconds"] for run in domains)
    return (
        f"\ndomain alone: {phones:,.0f} phones/s ({facts['phones']:,} distinct texts), "
        f"normalize {contacts:,.0f} contacts/s ({facts['contacts']:,} contacts)"
    )


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--contacts", type=_positive, help="how many (100000, and 1000000 for scale)")
    parser.add_argument("--changes", type=_positive, default=500, help="before the incremental sync (500)")
    parser.add_argument("--runs", type=_positive, default=1, help="print medians of so many (1)")
    parser.add_argument("--strict", action="store_true", help="end with 1 when a target was missed")
    parser.add_argument(
        "--only",
        choices=("stages", "syncs", "crms", "scale", "identity", "parallel", "fleet", "pages"),
        help="one part; crms: every CRM beside HubSpot; scale: one account with very many contacts, rebuilt; "
        "identity: who is one person, where that is known; parallel: four CRMs of one account into one PostgreSQL; "
        "fleet: one tick over 250 connections, some in trouble; pages: of 200,000 leads, or --contacts",
    )
    parser.add_argument("--accounts", type=_positive, default=50, help="for fleet: with five connections each (50)")
    parser.add_argument("--postgres", metavar="URL", help="for scale and pages: an empty database, not a DuckDB file")
    commands = parser.add_subparsers(dest="command", metavar="")
    commands.add_parser("stage", help="for our own child processes").add_argument("name", choices=CHILDREN)
    options = parser.parse_args(arguments)
    usual = {"scale": scale.CONTACTS, "pages": pages.LEADS}
    options.contacts = options.contacts or usual.get(options.only, CONTACTS)
    return options


def _positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _stop(number: int, frame: FrameType | None) -> None:
    """Leave in order, so that the sandbox ends and the folders go."""
    raise SystemExit(128 + number)


if __name__ == "__main__":
    raise SystemExit(main())
