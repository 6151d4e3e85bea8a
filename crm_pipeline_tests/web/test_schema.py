"""The OpenAPI document is exact: a tester that makes requests of it, right ones and wrong ones, finds nothing."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline.nango.client import NangoClient
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.steps import Pipeline, refresh_connections, sync_connection
from crm_pipeline.walk import registry
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.web.fake_dagster import fake_dagster
from crm_pipeline_tests.web.serving import Api, served, settings_of

TOKEN, CRON, KEY = "token-of-the-tests-123456", "cron-secret-of-the-tests-1234567890", "signing-key"
CRON_PATH, WEBHOOK_PATH = "/api/cron/sync-crm", "/api/webhooks/nango"
EXAMPLES = "5"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """A server that holds leads, over the sandbox and a queue that starts nothing."""
    folder = tmp_path_factory.mktemp("schema")
    with Sandbox(contacts=20, accounts=("acme",), crms=("hubspot",)) as sandbox, fake_dagster() as queue:
        with NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as nango:
            store = Warehouse(f"duckdb:///{folder / 'crm.duckdb'}", data_dir=folder / "data")
            pipeline = Pipeline(warehouse=store, nango=nango, data_dir=folder / "data")
            refresh_connections(pipeline)
            with store.session() as session:
                (connection,) = registry.connections(session)
            sync_connection(pipeline, connection)
        more = {"CRM_DAGSTER_URL": queue.url, "CRM_API_TOKEN": TOKEN, "CRON_SECRET": CRON}
        with served(settings_of(folder, sandbox.environment(), **more, NANGO_WEBHOOK_SIGNING_KEY=KEY)) as running:
            yield running


def said_by_schemathesis(folder: Path, api: Api, secret: str, *more: str) -> str:
    """What schemathesis says: it exits with 1 where it finds anything, or cannot begin."""
    (folder / "openapi.json").write_bytes(api.get("/openapi.json").body)
    program = Path(sys.executable).with_name("schemathesis")
    done = subprocess.run(
        [
            str(program), "run", "openapi.json", "--url", api.url, "--header", f"Authorization: Bearer {secret}",
            "--no-color", "--phases", "coverage,fuzzing", "--max-examples", EXAMPLES, "--seed", "1", *more,
        ],
        cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    return done.stdout


def test_a_tester_that_makes_right_and_wrong_requests_finds_nothing(api: Api, tmp_path: Path) -> None:
    """Of all calls but the two that have a secret of their own."""
    found = said_by_schemathesis(tmp_path, api, TOKEN, "--exclude-path", CRON_PATH, "--exclude-path", WEBHOOK_PATH)
    assert "Tested: 7" in found


def test_the_two_with_a_secret_of_their_own_keep_to_the_document_too(api: Api, tmp_path: Path) -> None:
    found = said_by_schemathesis(tmp_path, api, CRON, "--include-path", CRON_PATH, "--include-path", WEBHOOK_PATH)
    assert "Tested: 2" in found


def test_the_document_names_every_route(api: Api) -> None:
    paths = api.get("/openapi.json").json["paths"]
    assert all(path.startswith("/api/") for path in paths)
