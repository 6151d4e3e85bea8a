"""What an installation gets: the wheel is built, installed in an empty environment far from the checkout, and works."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def run(*command: str | Path, cwd: Path, timeout: float = 300.0) -> str:
    """The standard output of a command that has to succeed, in an environment that knows nothing of the checkout."""
    environ = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, f"{command} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy of what git would hold, so that the checkout stays clean and leftovers do not ride along."""
    source = tmp_path_factory.mktemp("source")
    for folder in ("crm_pipeline", "sql"):
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / file, source)
    target = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", target, source, cwd=target)
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` folder of an environment holding the wheel; the libraries come from the one that runs the tests.

    Folders named in a `.pth` file are searched last, and `.pth` files inside them are not read: so an editable
    installation of this package there stays out of the way.
    """
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=True, symlinks=True)
    bin_folder = home / "bin"
    run(bin_folder / "python", "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", wheel, cwd=home)
    (site,) = home.glob("lib/python*/site-packages")
    libraries = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
    (site / "libraries.pth").write_text("\n".join(libraries) + "\n", encoding="utf-8")
    return bin_folder


def test_the_wheel_carries_every_sql_file(wheel: Path) -> None:
    expected = {f"crm_pipeline/{path.relative_to(ROOT)}" for path in (ROOT / "sql").rglob("*.sql")}
    assert len(expected) > 30
    assert expected <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_carries_the_page(wheel: Path) -> None:
    web = ROOT / "crm_pipeline" / "web"
    files = [path for folder in ("templates", "static") for path in (web / folder).iterdir()]
    assert len(files) > 10
    assert {str(path.relative_to(ROOT)) for path in files} <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_carries_the_package_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"crm_pipeline"}
    assert "crm_pipeline/py.typed" in names
    assert not [name for name in names if name.endswith((".pyc", ".duckdb", ".env"))]


@pytest.mark.long
def test_the_installed_package_is_the_one_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    code = "import crm_pipeline.warehouse.statements as s; print(s.__file__, s.sql_folder(), sep='\\n')"
    files = run(installed / "python", "-c", code, cwd=tmp_path).split()
    assert len(files) == 2
    assert all(Path(file).is_relative_to(installed.parent.resolve()) for file in files), files


@pytest.mark.long
def test_the_version_is_told(installed: Path, tmp_path: Path) -> None:
    from crm_pipeline import __version__

    code = "from importlib.metadata import version; print(version('crm-pipeline'))"
    assert run(installed / "python", "-c", code, cwd=tmp_path).strip() == __version__


@pytest.mark.long
def test_the_demo_runs_from_the_wheel_in_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    told = run(installed / "crm-pipeline", "demo", "--contacts", "20", cwd=tmp_path)
    assert "reads only what changed" in told
