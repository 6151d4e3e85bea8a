"""README.md, "Add a CRM", followed to the letter in a copy of the checkout: two files and two rows are a sixth CRM.

What is added is made up and lies in `conformance/sixth/`. Each test runs in a process that knows the copy only.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SIXTH = ROOT / "crm_pipeline_tests" / "conformance" / "sixth"
COPIED = ("crm_pipeline", "crm_pipeline_tests", "sql", "pyproject.toml")
STEPS = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Add a CRM\n")[1]
ADDED = {"crm_pipeline/providers/tally.py": "provider.py", "crm_pipeline/sandbox/tally.py": "sandbox.py"}
REGISTRIES = {"crm_pipeline/providers/__init__.py": "PROVIDERS", "crm_pipeline/sandbox/__init__.py": "CRMS"}
CASES = {
    "test_pages.py": ("", 108),
    "test_walk.py": ("", 7),
}
"""Of each file of the conformance suite what is tried here, and how many cases that is at the least."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The checkout with a sixth CRM."""
    home = tmp_path_factory.mktemp("sixth")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, home)
    for path, source in ADDED.items():
        shutil.copy(SIXTH / source, home / path)
    for path, registry in REGISTRIES.items():
        add_row(home / path, registry)
    return home


def add_row(file: Path, registry: str) -> None:
    """The import, and the last place in the tuple that the registry is made of."""
    module = f"crm_pipeline.{file.parent.name}.tally"
    text, imports = re.subn(r"(?m)^(?=from crm_pipeline)", f"from {module} import TALLY\n", file.read_text(), count=1)
    text, rows = re.subn(rf"(?s)(\n{registry}\b.*? in \([\w, ]+)", r"\1, TALLY", text, count=1)
    assert (imports, rows) == (1, 1)
    file.write_text(text)


def run(copy: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python in the copy, knowing nothing of the tests around it."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=inherited | {"PYTHONPATH": str(copy), "RUNTIME__DLTHUB_TELEMETRY": "false"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=400,
    )


def crm_pipeline(copy: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(copy, "-m", "crm_pipeline.cli", *arguments, **environment)


def test_the_readme_names_these_files_and_this_command() -> None:
    for path in (*ADDED, *REGISTRIES):
        assert f"`{path.replace('tally', '<crm>')}`" in STEPS
    for registry in REGISTRIES.values():
        assert f"One row in `{registry}`" in STEPS
    assert " ".join(shlex.quote(part) for part in (".venv/bin/python", *conformance(""))) in STEPS


def test_the_copy_differs_from_the_checkout_in_two_files_and_two_rows(copy: Path) -> None:
    found = {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()}
    found = {path for path in found if "__pycache__" not in path}
    changed = {
        path for path in found if (ROOT / path).is_file() and (ROOT / path).read_bytes() != (copy / path).read_bytes()
    }
    assert {path for path in found if not (ROOT / path).is_file()} == set(ADDED)
    assert changed == set(REGISTRIES)
    for path in changed:
        before, after = ((home / path).read_text().splitlines() for home in (ROOT, copy))
        assert len(after) == len(before) + 1, "the import"
        assert len(set(before) - set(after)) == 1, "the row"


def conformance(file: str, only: str = "") -> list[str]:
    """The command of the README; `file` and `only` choose a part of the suite."""
    chosen = f"tally and ({only})" if only else "tally"
    return ["-m", "pytest", "/".join(filter(None, ("crm_pipeline_tests/conformance", file))), "-k", chosen]


@pytest.mark.parametrize("file", ["test_pages.py", pytest.param("test_walk.py", marks=pytest.mark.long)])
def test_the_conformance_suite_runs_over_it_and_passes(copy: Path, file: str) -> None:
    only, least = CASES[file]
    done = run(copy, *conformance(file, only), "-q", "-p", "no:cacheprovider")
    summary = done.stdout.strip().splitlines()[-1]
    counts = {word: int(count) for count, word in re.findall(r"(\d+) (\w+)", summary)}
    assert done.returncode == 0, done.stdout[-4000:]
    assert counts["passed"] >= least, summary
    assert counts.keys() <= {"passed", "deselected"}, "nothing is skipped"


def test_dagster_has_its_assets(copy: Path) -> None:
    code = """
import json
from crm_pipeline.definitions import defs
graph = defs.resolve_asset_graph()
names = {key: key.to_user_string() for key in graph.get_all_asset_keys()}
print(json.dumps({name: [names[parent] for parent in graph.get(key).parent_keys] for key, name in names.items()}))
"""
    done = run(copy, "-c", code)
    assert done.returncode == 0, done.stderr
    parents = json.loads(done.stdout)
    assert parents["raw/tally_contacts"] == ["crm/tally"]
    assert "raw/tally_contacts" in parents["contacts"]


def test_the_commands_know_it(copy: Path) -> None:
    assert "tally" in crm_pipeline(copy, "connect", "--help").stdout
    refused = crm_pipeline(copy, "connect", "acme", "nobody")
    assert (refused.returncode, "'tally'" in refused.stderr) == (2, True)


@pytest.mark.long
def test_the_demo_plays_it_and_its_people_become_leads(copy: Path, tmp_path: Path) -> None:
    store = {"CRM_DATA_DIR": str(tmp_path), "CRM_WAREHOUSE": f"duckdb:///{tmp_path}/crm.duckdb"}
    demo = crm_pipeline(copy, "demo", "--contacts", "20", "--json", **store)
    assert demo.returncode == 0, demo.stderr
    synced = [one for one in json.loads(demo.stdout)["syncs"] if one["provider"] == "tally"]
    assert {one["account_id"] for one in synced} == {"acme", "globex"}
    assert all(one["success"] for one in synced)
    leads = json.loads(crm_pipeline(copy, "leads", "acme", "--json", **store).stdout)
    assert "tally" in json.dumps(leads)
