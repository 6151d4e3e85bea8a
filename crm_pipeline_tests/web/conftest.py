"""A real Dagster, started once: webserver, daemon and code, which read their settings from a `.env` as people do.

A test writes the `.env` of its own sandbox and store with `dagster.use`; the runs that start from then on follow it.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest
from playwright.sync_api import Browser, sync_playwright

from crm_pipeline.settings import NAMES
from crm_pipeline_tests.web.browsing import CHROMIUM, Window, opened
from crm_pipeline_tests.web.fake_dagster import FakeDagster, fake_dagster
from crm_pipeline_tests.web.serving import wait_until

ROOT = Path(__file__).resolve().parents[2]
SENSORS = """
query($selector: RepositorySelector!) { sensorsOrError(repositorySelector: $selector) {
  ... on Sensors { results { id name sensorState { id } } }
} }
"""
STOP = "mutation($id: String) { stopSensor(id: $id) { __typename } }"


@dataclass(frozen=True, slots=True)
class RealDagster:
    """Where it is, and the folder that its processes are in."""

    url: str
    folder: Path

    def use(self, environment: Mapping[str, str]) -> None:
        """The settings of the runs that start from now on."""
        lines = "".join(f"{name}={value}\n" for name, value in environment.items())
        waiting = self.folder / ".env.new"
        waiting.write_text(lines, encoding="utf-8")
        waiting.replace(self.folder / ".env")

    def ask(self, query: str, variables: object) -> dict[str, object]:
        """A GraphQL query of the test's own."""
        body = orjson.dumps({"query": query, "variables": variables})
        request = urllib.request.Request(f"{self.url}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=30) as answer:
            found: dict[str, object] = orjson.loads(answer.read())["data"]
            return found


@pytest.fixture(scope="session")
def dagster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealDagster]:
    """Its sensors are stopped, so that nothing starts but what a test asks for; the queue and the rest are ours."""
    folder = tmp_path_factory.mktemp("dagster")
    port = _free_port()
    config = (ROOT / "dagster.yaml").read_text(encoding="utf-8")
    quick = re.sub(r"dequeue_interval_seconds: \d+", "dequeue_interval_seconds: 1", config)
    (folder / "dagster.yaml").write_text(quick, encoding="utf-8")
    (folder / "workspace.yaml").write_text((ROOT / "workspace.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / ".env").write_text("", encoding="utf-8")
    inherited = {name: value for name, value in os.environ.items() if name not in NAMES}
    ours = {"DAGSTER_HOME": str(folder), "PYTHONPATH": str(ROOT), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    program = str(Path(sys.executable).with_name("dagster"))
    log = (folder / "dagster.log").open("wb")
    process = subprocess.Popen(
        [program, "dev", "--workspace", "workspace.yaml", "--host", "127.0.0.1", "--port", str(port)],
        cwd=folder, env=inherited | ours, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
    )  # fmt: skip
    real = RealDagster(f"http://127.0.0.1:{port}", folder)
    try:
        wait_until(lambda: process.poll() is not None or _answers(real), 240)
        assert process.poll() is None, (folder / "dagster.log").read_text()[-2000:]
        _stop_sensors(real)
        yield real
    finally:
        log.close()
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One headless Chromium, Debian's, for the session."""
    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--disable-dev-shm-usage"]  # the tests may run as root, and in a small container
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield chromium
        chromium.close()


@pytest.fixture
def window(browser: Browser) -> Iterator[Window]:
    """A window of its own cookies, which notes whatever a person would see in the browser's console."""
    with opened(browser) as found:
        yield found


@pytest.fixture
def queue() -> Iterator[FakeDagster]:
    """A Dagster that queues runs and never starts one."""
    with fake_dagster() as fake:
        yield fake


def _answers(real: RealDagster) -> bool:
    try:
        return bool(_repository(real))
    except (OSError, urllib.error.URLError):
        return False


def _repository(real: RealDagster) -> dict[str, str]:
    query = "{ repositoriesOrError { ... on RepositoryConnection { nodes { name location { name } } } } }"
    found = real.ask(query, {})["repositoriesOrError"]
    assert isinstance(found, dict)
    for node in found.get("nodes", ()):
        return {"repositoryName": node["name"], "repositoryLocationName": node["location"]["name"]}
    return {}


def _stop_sensors(real: RealDagster) -> None:
    found = real.ask(SENSORS, {"selector": _repository(real)})["sensorsOrError"]
    assert isinstance(found, dict)
    for sensor in found["results"]:
        real.ask(STOP, {"id": sensor["sensorState"]["id"]})


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
