"""The files around the package agree with each other: dependencies, constraints, floors, settings, Dagster's own."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from crm_pipeline.settings import NAMES, Settings
from crm_pipeline.walk.checks import CHECKS

ROOT = Path(__file__).resolve().parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
FLOORS = (
    {"cli"},
    {"definitions", "web"},
    {"commands", "defs"},
    {"packing"},
    {"connecting", "fleet"},
    {"steps"},
    {"walk"},
    {"ingest"},
    {"warehouse", "providers"},
    {"nango", "notices"},
    {"domain"},
    {"errors", "settings"},
)
HOMES = {
    "dagster": {"defs", "definitions"},
    "dlt": {"ingest", "defs"},
    "duckdb": {"warehouse"},
    "psycopg": {"warehouse"},
    "urllib3": {"nango"},
    "phonenumbers": {"domain"},
}


def constraint_lines() -> list[str]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def direct_dependencies() -> list[Requirement]:
    project = PROJECT["project"]
    return [Requirement(text) for text in [*project["dependencies"], *project["optional-dependencies"]["dev"]]]


def contracts(kind: str) -> list[dict[str, Any]]:
    return [found for found in PROJECT["tool"]["importlinter"]["contracts"] if found["type"] == kind]


def test_constraints_name_no_place_to_download_from() -> None:
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    assert not re.search(r"://| @ |^-|file:|/", text, re.MULTILINE)


def test_constraints_are_exact() -> None:
    for line in constraint_lines():
        (specifier,) = Requirement(line).specifier
        assert specifier.operator == "==", line
        assert "*" not in specifier.version, line


@pytest.mark.parametrize("python", PYTHONS)
def test_each_direct_dependency_has_one_version_that_its_range_allows(python: str) -> None:
    environment = {"python_version": python, "python_full_version": f"{python}.0", "sys_platform": "linux", "extra": ""}
    pins: dict[str, str] = {}
    for line in constraint_lines():
        pin = Requirement(line)
        if pin.marker is None or pin.marker.evaluate(environment):
            assert canonicalize_name(pin.name) not in pins, f"{pin.name} has two versions on Python {python}"
            pins[canonicalize_name(pin.name)] = next(iter(pin.specifier)).version
    for wanted in direct_dependencies():
        assert wanted.specifier.contains(pins[canonicalize_name(wanted.name)]), wanted


def test_what_runs_was_installed_from_the_constraints() -> None:
    """`make test` would otherwise prove something about other versions than a fresh clone gets."""
    from importlib.metadata import version

    pins = {Requirement(line).name: Requirement(line) for line in constraint_lines() if ";" not in line}
    for name in ("dagster", "dlt", "duckdb", "phonenumbers", "psycopg", "pyarrow", "urllib3"):
        assert pins[name].specifier.contains(version(name)), name


def test_the_package_declares_every_python_it_is_for() -> None:
    declared = {line.rsplit(" ", 1)[1] for line in PROJECT["project"]["classifiers"] if ":: 3." in line}
    assert declared == set(PYTHONS)


def test_the_floors_are_a_contract_in_their_order() -> None:
    (floors,) = contracts("layers")
    assert floors["containers"] == ["crm_pipeline"]
    assert [set(re.findall(r"[a-z]+", layer)) for layer in floors["layers"]] == list(FLOORS)


def test_every_module_stands_on_a_floor() -> None:
    package = ROOT / "crm_pipeline"
    modules = {path.stem for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert modules - {"__init__", "sandbox"} <= set().union(*FLOORS)


@pytest.mark.parametrize(("library", "homes"), HOMES.items())
def test_each_big_library_has_its_home_in_a_contract(library: str, homes: set[str]) -> None:
    (contract,) = [found for found in contracts("forbidden") if library in found["forbidden_modules"]]
    assert contract["source_modules"] == ["crm_pipeline"]
    allowed = [line.split(" -> ") for line in contract["ignore_imports"]]
    assert {importer.split(".")[1] for importer, imported in allowed if imported == library} == homes


def test_the_sandbox_is_kept_apart_by_contracts() -> None:
    sources = {source for found in contracts("forbidden") for source in found["source_modules"]}
    targets = {target for found in contracts("forbidden") for target in found["forbidden_modules"]}
    assert "crm_pipeline.sandbox" in sources & targets


def test_the_example_lists_every_setting_and_no_other() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    assert sorted(re.findall(r"^([A-Z_]+)=", text, re.MULTILINE)) == sorted(NAMES)


def test_the_example_is_valid_and_says_the_defaults() -> None:
    assert Settings.from_environment({}, ROOT / ".env.example") == Settings()


def test_make_help_lists_the_targets() -> None:
    done = subprocess.run(["make", "-C", str(ROOT), "help"], capture_output=True, text=True, check=True)
    for target in ("demo", "dev", "test", "check", "bench"):
        assert re.search(rf"^  make {target} +\S", done.stdout, re.MULTILINE), target


def test_dagster_takes_its_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_bytes((ROOT / "dagster.yaml").read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 1
        assert instance.run_monitoring_enabled
        assert instance.run_monitoring_max_runtime_seconds > 0
        assert not instance.telemetry_enabled
        assert {path.name for path in tmp_path.iterdir()} == {"dagster.yaml", ".dagster"}


@pytest.mark.parametrize(
    ("name", "launcher"), [("postgres", "WatchfulRunLauncher"), ("celery", "WatchfulCeleryRunLauncher")]
)
def test_dagster_takes_the_configurations_of_a_team_and_of_a_fleet(
    name: str, launcher: str, postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a real PostgreSQL, through the driver that the files name."""
    (tmp_path / "dagster.yaml").write_bytes((ROOT / f"deploy/dagster.{name}.yaml").read_bytes())
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres_url.replace("postgresql:", "postgresql+psycopg2:"))
    monkeypatch.setenv("CRM_DAGSTER_FILES", str(tmp_path / "files"))
    monkeypatch.setenv("CRM_CELERY_URL", "redis://127.0.0.1:1/0")
    with dg.DagsterInstance.get() as instance:
        assert type(instance.run_launcher).__name__ == launcher
        instance.add_dynamic_partitions("accounts", ["acme"])
        assert instance.get_dynamic_partitions("accounts") == ["acme"]
        assert instance.run_monitoring_enabled


def test_the_operations_page_and_the_folder_deploy_name_each_other() -> None:
    page = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    files = {path.relative_to(ROOT).as_posix() for path in (ROOT / "deploy").rglob("*") if path.is_file()}
    named = set(re.findall(r"`(deploy/[\w./-]+[\w])`", page))
    assert {one for one in named if not any(file == one or file.startswith(f"{one}/") for file in files)} == set()
    assert [check.name for check in CHECKS if f"`{check.name}`" not in page] == []
    for unit in (ROOT / "deploy/systemd").iterdir():
        (command,) = re.findall(r"^ExecStart=/opt/crm-pipeline/.venv/bin/(\S+)", unit.read_text(), re.MULTILINE)
        assert Path(sys.executable).with_name(command).exists(), unit.name


def test_the_workspace_names_the_definitions() -> None:
    (entry,) = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    module = entry["python_module"]["module_name"]
    assert (ROOT / Path(*module.split("."))).with_suffix(".py").is_file()


def test_imports_keep_to_the_floors() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache", "--no-logo"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
