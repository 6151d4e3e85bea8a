"""The calls of the API over the sandbox and a queue that starts nothing: what is asked of Dagster, and what is told."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from html import unescape
from pathlib import Path
from urllib.parse import quote, urlencode
from uuid import UUID, uuid4

import orjson
import pytest
from dagster._core.storage.tags import PARTITION_NAME_TAG

from crm_pipeline.defs import tags
from crm_pipeline.defs.jobs import DIFFERENCE
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.sandbox.webhooks import auth_event, signature
from crm_pipeline.steps import Pipeline, new_sync, open_books, refresh_connections, sync_connection
from crm_pipeline.walk import books
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.web import dagster
from crm_pipeline.web.asked import Asked
from crm_pipeline_tests.commands.shell import Shell
from crm_pipeline_tests.holder import held_open
from crm_pipeline_tests.web.fake_dagster import FakeDagster
from crm_pipeline_tests.web.serving import DEAD, Api, Got, served, settings_of

CRON, KEY = "cron-secret-of-the-tests-1234567890", "sandbox-signing-key"
ACME = {"account_id": "acme", "provider": "hubspot"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=20, accounts=("acme", "globex"), crms=("hubspot", "pipedrive")) as running:
        yield running


@pytest.fixture
def pipeline(sandbox: Sandbox, tmp_path: Path) -> Iterator[Pipeline]:
    """The store that the API looks at, which knows the sandbox's connections."""
    with NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as nango:
        store = Warehouse(f"duckdb:///{tmp_path / 'crm.duckdb'}", data_dir=tmp_path / "data")
        made = Pipeline(warehouse=store, nango=nango, data_dir=tmp_path / "data")
        refresh_connections(made)
        yield made


@pytest.fixture
def api(sandbox: Sandbox, pipeline: Pipeline, queue: FakeDagster, tmp_path: Path) -> Iterator[Api]:
    more = {"CRM_DAGSTER_URL": queue.url, "CRON_SECRET": CRON, "NANGO_WEBHOOK_SIGNING_KEY": KEY}
    with served(settings_of(tmp_path, sandbox.environment(), **more)) as running:
        yield running


def known(pipeline: Pipeline, account: str = "acme", provider: str = "hubspot") -> Connection:
    from crm_pipeline.walk import registry

    with pipeline.warehouse.session() as session:
        (found,) = registry.connections(session, account_id=account, provider=provider)
    return found


def tags_of(launched: dict[str, list[dict[str, str]]]) -> dict[str, str]:
    return {tag["key"]: tag["value"] for tag in launched["tags"]}


def test_a_sync_is_a_run_for_each_connection(api: Api, queue: FakeDagster, pipeline: Pipeline) -> None:
    answer = api.post("/api/crm/sync", {"account_id": "acme"})
    assert answer.status == 202
    assert [sync["provider"] for sync in answer.json["syncs"]] == ["hubspot", "pipedrive"]
    assert {sync["state"] for sync in answer.json["syncs"]} == {"queued"}
    hubspot, _ = queue.launched
    connection = known(pipeline)
    assert hubspot["selector"]["jobName"] == "sync_connection"
    assert [key["path"][-1] for key in hubspot["selector"]["assetSelection"]] == [
        "hubspot_contacts", "contacts", "rejections", "leads",
    ]  # fmt: skip
    told = {"connection_id": str(connection.id), "full": False, "force": False, "strategy": "append"}
    assert hubspot["config"] == {"ops": {"raw__hubspot_contacts": {"config": told}}}
    assert tags_of(hubspot) == {
        "dagster/partition": "acme", "crm_pipeline/account": "acme", "crm_pipeline/provider": "hubspot",
        "crm_pipeline/sync": "acme/hubspot", "crm_pipeline/connection": str(connection.id),
        "crm_pipeline/sync_id": answer.json["sync_ids"][0], "crm_pipeline/strategy": "append",
        "crm_pipeline/trigger": "manual",
    }  # fmt: skip


def test_what_is_under_way_is_joined_and_what_is_something_else_is_not(api: Api, queue: FakeDagster) -> None:
    def sync(**more: object) -> str:
        found: str = api.post("/api/crm/sync", {**ACME, **more}).json["sync_ids"][0]
        return found

    plain, full = sync(), sync(full=True)
    assert plain != full
    assert sync() in (plain, full)
    assert sync(full=True) == full
    overwrite, preview = sync(strategy="overwrite"), sync(strategy="preview", preview_of="overwrite")
    assert len({plain, full, overwrite, preview, sync(strategy="preview"), sync(force=True)}) == 6
    assert sync(strategy="preview", preview_of="overwrite") == preview
    for run in queue.runs:
        run["status"] = "SUCCESS"
    assert sync() not in (plain, full)


def test_twenty_who_ask_at_once_are_given_one_sync(api: Api, queue: FakeDagster) -> None:
    queue.delay = 0.2
    with ThreadPoolExecutor(20) as people:
        answers = list(people.map(lambda _: api.post("/api/crm/sync", ACME), range(20)))
    assert {answer.json["sync_ids"][0] for answer in answers} == {answers[0].json["sync_ids"][0]}
    assert len(queue.launched) == 1


def test_a_sync_that_a_command_or_the_schedule_runs_is_joined(api: Api, queue: FakeDagster, pipeline: Pipeline) -> None:
    connection = known(pipeline)
    sync = new_sync(pipeline, connection)
    with pipeline.warehouse.connection_lock(connection.id):
        open_books(pipeline, sync, trigger="schedule")
        assert api.post("/api/crm/sync", ACME).json["sync_ids"] == [str(sync.id)]
        with pipeline.warehouse.session() as session:
            books.note_progress(session, connection, sync_id=sync.id, records=7, requests=3)
        shown = api.get(f"/api/crm/syncs/{sync.id}").json
        assert (shown["state"], shown["results"], shown["sentence"]) == ("running", None, None)
        assert shown["progress"] == {"step": "fetching", "records": 7, "requests": 3}
    assert api.post("/api/crm/sync", ACME).json["sync_ids"] != [str(sync.id)], "its process is gone"
    assert len(queue.launched) == 1


def test_a_sync_is_told_of_from_being_asked_for_to_its_end(api: Api, queue: FakeDagster, pipeline: Pipeline) -> None:
    sync_id = api.post("/api/crm/sync", ACME).json["sync_ids"][0]

    def shown() -> dict[str, object]:
        found: dict[str, object] = api.get(f"/api/crm/syncs/{sync_id}?account_id=acme").json
        return found

    run_id = queue.runs[0]["runId"]
    assert shown()["progress"] == {"step": "queued", "records": 0, "requests": 0}
    queue.set(run_id, "STARTED")
    assert (shown()["state"], shown()["progress"]["step"]) == ("running", "starting")  # type: ignore[index]
    sync_connection(pipeline, known(pipeline), sync_id=UUID(sync_id))
    queue.set(run_id, "SUCCESS")
    last = shown()
    assert (last["state"], last["success"], last["progress"]) == ("succeeded", True, None)
    assert last["results"]["fetched"] == 20  # type: ignore[index]
    assert str(last["sentence"]).startswith("Synced ")
    assert api.get(f"/api/crm/syncs/{sync_id}?account_id=globex").error["code"] == "not_found"
    assert api.get(f"/api/crm/syncs/{sync_id}?account_id=globex").body == api.get(f"/api/crm/syncs/{uuid4()}").body


def test_a_run_that_failed_before_its_books_were_open_says_why(api: Api, queue: FakeDagster) -> None:
    sync_id = api.post("/api/crm/sync", ACME).json["sync_ids"][0]
    run_id = queue.runs[0]["runId"]
    queue.set(run_id, "FAILURE")
    facts = {"code": "invalid_setting", "message": "A setting is wrong.", "what to do": "Correct it."}
    entries = [{"label": label, "text": text} for label, text in facts.items()]
    queue.events[run_id] = [
        {"__typename": "ExecutionStepFailureEvent", "message": "x", "failureMetadata": {"metadataEntries": entries}}
    ]
    failed = api.get(f"/api/crm/syncs/{sync_id}").json
    assert failed["state"] == "failed"
    assert failed["error"] == {"code": "invalid_setting", "message": "A setting is wrong.", "action": "Correct it."}
    queue.events[run_id] = [{"__typename": "RunFailureEvent", "message": "Its process is gone.", "error": None}]
    assert api.get(f"/api/crm/syncs/{sync_id}").json["error"]["code"] == "internal_error"
    queue.set(run_id, "CANCELED")
    assert api.get(f"/api/crm/syncs/{sync_id}").json["state"] == "interrupted"
    queue.set(run_id, "SUCCESS")
    assert api.get(f"/api/crm/syncs/{sync_id}").json["error"]["code"] == "connection_not_found"


def test_a_run_whose_process_died_is_interrupted_and_its_second_try_is_followed(
    api: Api, queue: FakeDagster, pipeline: Pipeline
) -> None:
    sync_id, connection = api.post("/api/crm/sync", ACME).json["sync_ids"][0], known(pipeline)
    first = queue.runs[0]
    open_books(pipeline, new_sync(pipeline, connection, sync_id=UUID(sync_id)), trigger="manual")
    queue.set(first["runId"], "FAILURE")
    assert api.get(f"/api/crm/syncs/{sync_id}").json["state"] == "interrupted"
    tags = {tag["key"]: tag["value"] for tag in first["tags"]} | {"dagster/parent_run_id": first["runId"]}
    second = queue.add("STARTED", **tags)
    sync_connection(pipeline, connection, sync_id=books.sync_of_run(second, connection.id))
    queue.set(second, "SUCCESS")
    shown = api.get(f"/api/crm/syncs/{sync_id}").json
    assert (shown["sync_id"], shown["state"]) == (sync_id, "succeeded")


def test_a_preview_tells_the_difference_that_its_run_told(api: Api, queue: FakeDagster, pipeline: Pipeline) -> None:
    asked = api.post("/api/crm/sync", {**ACME, "strategy": "preview", "preview_of": "overwrite"})
    sync_id, connection = asked.json["sync_ids"][0], known(pipeline)
    told = {
        "provider": None, "connection_id": str(connection.id), "preview_of": "overwrite", "full": False, "force": False,
        "limit": 100,
    }  # fmt: skip
    told.pop("provider")
    assert queue.launched[0]["config"] == {"ops": {"preview_account": {"config": told}}}
    result = sync_connection(
        pipeline, connection, strategy="preview", preview_of="overwrite", sync_id=UUID(sync_id), limit=2
    )
    assert result.difference is not None
    run_id = queue.runs[0]["runId"]
    text = orjson.dumps(result.difference.as_dict(), default=str).decode()
    entry = {"label": f"{DIFFERENCE} {sync_id}", "jsonString": text}
    queue.events[run_id] = [{"__typename": "ExecutionStepOutputEvent", "metadataEntries": [entry]}]
    queue.set(run_id, "SUCCESS")
    shown = api.get(f"/api/crm/syncs/{sync_id}").json
    assert (shown["strategy"], shown["preview_of"]) == ("preview", "overwrite")
    assert shown["difference"]["totals"] == {"created": shown["results"]["created"]}
    assert len(shown["difference"]["leads"]) == 2


def test_waiting_ends_with_the_time_or_with_the_syncs(api: Api, queue: FakeDagster, pipeline: Pipeline) -> None:
    began = datetime.now(UTC)
    assert api.post("/api/crm/sync", {**ACME, "wait_seconds": 0.6}).status == 202
    assert (datetime.now(UTC) - began).total_seconds() >= 0.6

    def work() -> None:
        run = queue.runs[0]
        (sync_id,) = [tag["value"] for tag in run["tags"] if tag["key"] == dagster.SYNC_ID_TAG]
        sync_connection(pipeline, known(pipeline), sync_id=UUID(sync_id))
        queue.set(run["runId"], "SUCCESS")

    with ThreadPoolExecutor(1) as somebody:
        somebody.submit(work)
        answer = api.post("/api/crm/sync", {**ACME, "wait_seconds": 60})
    assert (answer.status, answer.json["success"], answer.json["results"]["fetched"]) == (200, True, 20)


def test_many_who_wait_for_a_slow_dagster_take_nothing_from_the_others(api: Api, queue: FakeDagster) -> None:
    sync_id = api.post("/api/crm/sync", ACME).json["sync_ids"]
    with ThreadPoolExecutor(60) as people:
        waiting = [people.submit(api.post, "/api/crm/sync", {**ACME, "wait_seconds": 3}) for _ in range(60)]
        time.sleep(1.5)
        queue.pause = 1.5
        time.sleep(0.5)
        for _ in range(5):
            began = time.monotonic()
            assert api.get("/api/crm/status?account_id=acme").status == 200
            assert time.monotonic() - began < 1.0
        queue.pause = 0.0
        assert all(answer.result().json["sync_ids"] == sync_id for answer in waiting)


def test_without_dagster_nothing_is_started_and_it_is_said_what_to_start(
    sandbox: Sandbox, pipeline: Pipeline, tmp_path: Path
) -> None:
    settings = settings_of(tmp_path, sandbox.environment(), CRM_DAGSTER_URL=DEAD, CRON_SECRET=CRON)
    with served(settings) as api:
        answers = [
            api.post("/api/crm/sync", ACME),
            api.get(f"/api/crm/syncs/{uuid4()}"),
            api.get("/api/cron/sync-crm", Authorization=f"Bearer {CRON}"),
            api.post("/api/crm/connect", {**ACME, "connection_id": sandbox.book.of_account("acme")[0].connection_id}),
        ]
        for answer in answers:
            assert (answer.status, answer.error["code"]) == (503, "dagster_unavailable")
            assert DEAD in answer.error["message"]
            assert "`make dev`" in answer.error["action"]
            assert int(answer.headers["retry-after"]) > 0
        assert api.get("/api/crm/status?account_id=acme").json["connected"] is True
        assert api.get("/api/leads?account_id=acme").status == 200
        assert api.post("/api/crm/disconnect", ACME).status == 200, "it needs no Dagster"


def test_a_dagster_without_our_graph_is_none(api: Api, queue: FakeDagster, sandbox: Sandbox, tmp_path: Path) -> None:
    queue.has_code = False
    answer = api.post("/api/crm/sync", ACME)
    assert (answer.status, answer.error["code"]) == (503, "dagster_unavailable")
    with served(settings_of(tmp_path, sandbox.environment(), CRM_DAGSTER_URL=sandbox.url)) as other:
        assert other.post("/api/crm/sync", ACME).error["code"] == "dagster_unavailable"


def test_anothers_connection_is_answered_like_one_that_does_not_exist(api: Api, sandbox: Sandbox) -> None:
    theirs = next(one.connection_id for one in sandbox.book.of_account("globex") if one.integration == "hubspot")
    unknown = "11111111-1111-4111-8111-111111111111"
    one, other = (api.post("/api/crm/connect", {**ACME, "connection_id": key}) for key in (theirs, unknown))
    assert (one.status, one.error["code"]) == (404, "connection_not_found")
    assert one.body.replace(theirs.encode(), b"") == other.body.replace(unknown.encode(), b"")
    for trouble in ("refresh", "exhausted"):
        sandbox.book.break_connection(sandbox.book.get("hubspot", theirs), trouble)  # type: ignore[arg-type]
        assert api.post("/api/crm/connect", {**ACME, "connection_id": theirs}).body == one.body, trouble


def test_cron_starts_everybody_or_packs_them(api: Api, queue: FakeDagster, sandbox: Sandbox, tmp_path: Path) -> None:
    answer = api.get("/api/cron/sync-crm", Authorization=f"Bearer {CRON}").json
    assert (answer["started"], len(answer["sync_ids"]), len(queue.launched)) == (4, 4, 4)
    assert {tags_of(one)["crm_pipeline/trigger"] for one in queue.launched} == {"cron"}
    assert {tags_of(one)["dagster/priority"] for one in queue.launched} == {"-1"}
    again = api.get("/api/cron/sync-crm", Authorization=f"Bearer {CRON}").json
    assert (again["sync_ids"], len(queue.launched)) == (answer["sync_ids"], 4), "what is under way is joined"
    more = {"CRM_DAGSTER_URL": queue.url, "CRON_SECRET": CRON, "CRM_SYNC_RUNS": "2"}
    with served(settings_of(tmp_path, sandbox.environment(), **more)) as few:
        packed = few.get("/api/cron/sync-crm", Authorization=f"Bearer {CRON}").json
    assert (packed["started"], packed["sync_ids"], len(queue.launched)) == (4, [], 6)
    asked = [one["config"]["ops"]["walk_connections"]["config"] for one in queue.launched[4:]]
    assert sum(len(one["connections"]) for one in asked) == 4
    assert {tags_of(one)["dagster/priority"] for one in queue.launched[4:]} == {"-2"}, "nobody knows how long they take"


def event(api: Api, body: bytes) -> dict[str, object]:
    answer = api.post("/api/webhooks/nango", body, X_Nango_Hmac_Sha256=signature(KEY, body))
    assert answer.status == 202, answer.json
    found: dict[str, object] = answer.json
    return found


def test_a_connection_that_was_made_at_nango_is_saved_and_synced_once(
    api: Api, sandbox: Sandbox, queue: FakeDagster
) -> None:
    made = sandbox.connect("initech", "pipedrive")
    body = auth_event(made, "creation")
    taken = event(api, body)
    assert taken["sync_id"] == tags_of(queue.launched[0])["crm_pipeline/sync_id"]
    assert tags_of(queue.launched[0])["crm_pipeline/sync"] == "initech/pipedrive"
    assert api.get("/api/crm/status?account_id=initech").json["connected"] is True
    assert event(api, body) == taken, "Nango sends some twice"
    assert len(queue.launched) == 1


def test_an_event_that_is_sent_again_starts_nothing_once_its_sync_is_done(
    api: Api, sandbox: Sandbox, queue: FakeDagster, pipeline: Pipeline
) -> None:
    body = auth_event(sandbox.connect("initech", "pipedrive"), "creation")
    sync_id = event(api, body)["sync_id"]
    sync_connection(pipeline, known(pipeline, "initech", "pipedrive"), sync_id=UUID(str(sync_id)))
    queue.set(queue.runs[0]["runId"], "SUCCESS")
    assert event(api, body)["sync_id"] is None
    assert len(queue.launched) == 1


def test_a_connection_that_breaks_a_second_time_is_noticed_a_second_time(api: Api, sandbox: Sandbox) -> None:
    """Nango's events bear no time: those of the second time are the same bytes."""
    (made, _) = sandbox.book.of_account("acme")

    def state() -> object:
        return api.get("/api/crm/status?account_id=acme").json["connections"][0]["state"]

    for _ in range(2):
        sandbox.book.break_connection(made, "refresh")
        event(api, auth_event(made, "refresh", success=False))
        assert state() == "needs_reconnect"
        sandbox.book.heal(made)
        assert event(api, auth_event(made, "override"))["sync_id"] is not None
        assert state() == "active"


def test_a_connection_that_can_be_renewed_no_longer_needs_a_person(api: Api, sandbox: Sandbox) -> None:
    (made, _) = sandbox.book.of_account("acme")
    body = auth_event(made, "refresh", success=False)
    event(api, body)
    states = {one["provider"]: one["state"] for one in api.get("/api/crm/status?account_id=acme").json["connections"]}
    assert states["hubspot"] == "active", "Nango itself says that nothing is wrong with it"
    sandbox.book.break_connection(made, "refresh")
    event(api, body)
    (hubspot, _) = api.get("/api/crm/status?account_id=acme").json["connections"]
    assert (hubspot["state"], hubspot["connected"]) == ("needs_reconnect", False)
    assert hubspot["last_error"]["code"] == "connection_expired"


EVENTS = (
    b"", b"[]", b"null", b"{", b'"auth"', b"{}", b'{"type":"auth"}', b'{"type":"sync","success":true}',
        b'{"type":"forward","from":"hubspot","payload":[]}', b'[{"portalId":1}]', b"\xff\xfe",
        b'{"type":"auth","operation":"creation","success":true}',
        b'{"type":"auth","operation":"creation","success":false,"providerConfigKey":"hubspot","connectionId":"x"}',
        b'{"type":"auth","operation":"creation","success":true,"providerConfigKey":["hubspot"],"connectionId":{"a":1}}',
        b'{"type":"auth","operation":"creation","success":true,"providerConfigKey":"hubspot","connectionId":"../../x"}',
        b'{"type":"auth","operation":"creation","success":true,"providerConfigKey":"hubspot","connectionId":"gone"}',
        b'{"type":"auth","operation":"erase","success":true,"providerConfigKey":"hubspot","connectionId":"x"}',
)  # fmt: skip


def test_any_other_event_is_taken_and_left_alone(api: Api, queue: FakeDagster) -> None:
    for body in EVENTS:
        assert event(api, body) == {"success": True, "sync_id": None}, body
    assert queue.launched == []


def test_a_connection_let_go_of_and_kept_at_nango_stays_out_until_it_is_connected_again(
    api: Api, sandbox: Sandbox, pipeline: Pipeline, queue: FakeDagster
) -> None:
    made = next(one for one in sandbox.book.of_account("acme") if one.integration == "hubspot")
    sync_id = api.post("/api/crm/sync", ACME).json["sync_ids"][0]
    assert api.post("/api/crm/disconnect", {**ACME, "keep_at_nango": True}).status == 200
    assert api.get(f"/api/crm/syncs/{sync_id}").json["state"] == "interrupted", "what was queued is cancelled"
    assert made in sandbox.book.of_account("acme")
    before = known(pipeline)
    refresh_connections(pipeline)
    assert event(api, auth_event(made, "creation"))["sync_id"] is None, "somebody sends an old event again"
    assert (known(pipeline).state, known(pipeline).is_active) == ("disconnected", False)
    assert api.post("/api/crm/sync", ACME).error["code"] == "connection_not_found"
    answer = api.post("/api/crm/connect", {**ACME, "connection_id": made.connection_id})
    assert answer.json["connection"]["connection_id"] == str(before.id)
    refresh_connections(pipeline)
    assert known(pipeline).state == "active"


def test_what_is_connected_anew_is_no_longer_kept_out(api: Api, sandbox: Sandbox, pipeline: Pipeline) -> None:
    before = known(pipeline)
    assert api.post("/api/crm/disconnect", {**ACME, "keep_at_nango": True}).status == 200
    sandbox.book.remove("hubspot", before.nango_connection_id)
    made = sandbox.connect("acme", "hubspot")
    assert api.post("/api/crm/connect", {**ACME, "connection_id": made.connection_id}).status == 200
    assert known(pipeline).id == before.id, "it is the same portal, so its contacts and leads go on"
    sandbox.book.break_connection(made, "refresh")
    refresh_connections(pipeline)
    assert known(pipeline).state == "needs_reconnect", "what Nango tells of it counts again"


def test_a_connection_that_is_gone_at_nango_is_connected_anew_as_what_it_was(
    api: Api, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    before = known(pipeline)
    sandbox.book.remove("hubspot", before.nango_connection_id)
    assert sync_connection(pipeline, before).status == "failed"
    assert known(pipeline).state == "needs_reconnect"
    made = sandbox.connect("acme", "hubspot")
    assert api.post("/api/crm/connect", {**ACME, "connection_id": made.connection_id}).status == 200
    assert (known(pipeline).id, known(pipeline).state) == (before.id, "active"), "there is one, and it is the old one"


def another_integration(sandbox: Sandbox) -> str:
    """A connection of acme's portal under a key that is not the CRM's name; its id."""
    like = next(one for one in sandbox.book.of_account("acme") if one.integration == "hubspot")
    made = sandbox.book.add(
        "acme", integration="hubspot-eu", provider="hubspot", crm=like.crm, refuse_token=like.refuse_token,
        base_path=like.base_path, config=like.config,
    )  # fmt: skip
    sandbox.book.remove("hubspot", like.connection_id)
    return made.connection_id


def test_a_connection_of_an_integration_of_any_key_is_connected_and_connected_anew(
    api: Api, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    made = another_integration(sandbox)
    refresh_connections(pipeline)
    assert api.post("/api/crm/connect", {**ACME, "connection_id": made}).status == 200
    (connection,) = [one for one in sandbox.book.of_account("acme") if one.connection_id == made]
    sandbox.book.break_connection(connection, "refresh")
    refresh_connections(pipeline)
    asked, found = invited(api)
    assert api.get(found).json == {"found": False}
    sandbox.book.heal(connection)
    assert api.get(found).json == {"found": True}
    assert form(api, "/connected", asked).status == 303


def test_the_page_waits_for_a_person_where_nango_finds_nothing_wrong(
    api: Api, sandbox: Sandbox, pipeline: Pipeline
) -> None:
    """The CRM refuses the token, which the key may not renew: Nango shows the connection as before, and as after."""
    sandbox.nango.api.scopes.discard("environment:connections:read_credentials")
    (connection, _) = sandbox.book.of_account("acme")
    sandbox.book.break_connection(connection, "uninstalled")
    assert sync_connection(pipeline, known(pipeline)).status == "failed"
    assert (known(pipeline).state, connection.errors) == ("needs_reconnect", [])
    asked, found = invited(api)
    assert api.get(found).json == {"found": False}
    sandbox.book.heal(connection)
    assert form(api, "/connected", asked).status == 303
    assert known(pipeline).state == "active"


def test_any_process_finds_the_connection_that_a_page_waits_for(
    api: Api, sandbox: Sandbox, pipeline: Pipeline, queue: FakeDagster, tmp_path: Path
) -> None:
    """Also one that a webhook or the sensor has saved by then."""
    asked, found = invited(api)
    assert api.get(found).json == {"found": False}
    sandbox.connect("acme", "hubspot")
    refresh_connections(pipeline)
    with served(settings_of(tmp_path, sandbox.environment(), CRM_DAGSTER_URL=queue.url)) as other:
        assert other.get(found).json == {"found": True}
        assert form(other, "/connected", asked).status == 303


def invited(api: Api) -> tuple[dict[str, str], str]:
    """The page that waits for acme's HubSpot: what its button sends, and what its script asks."""
    body = form(api, "/connect", {"account": "acme", "provider": "hubspot"}).body.decode()
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', body))
    (found,) = re.findall(r'data-found="([^"]*)"', body)
    return fields, unescape(found)


def test_a_run_that_began_although_the_answer_was_lost_is_the_sync(
    api: Api, queue: FakeDagster, pipeline: Pipeline
) -> None:
    queue.is_late = True
    answer = api.post("/api/crm/sync", {**ACME, "strategy": "append"})
    assert (answer.status, len(queue.launched), len(answer.json["sync_ids"])) == (202, 1, 1)


def test_a_connection_is_made_although_dagster_is_not_there(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_of(tmp_path, sandbox.environment(), CRM_DAGSTER_URL=DEAD)
    with served(settings) as api:
        asked, _ = invited(api)
        sandbox.connect("acme", "hubspot")
        assert form(api, "/connected", asked).headers["location"].startswith("/accounts/acme")
        status = api.get("/api/crm/status?account_id=acme").json
        assert "hubspot" in {one["provider"] for one in status["connections"] if one["connected"]}


def form(api: Api, target: str, fields: dict[str, str]) -> Got:
    """What a person sends by pressing a button."""
    kind = {"Content_Type": "application/x-www-form-urlencoded", "Accept": "text/html"}
    return api.post(target, urlencode(fields).encode(), **kind)


def test_a_button_for_what_is_not_connected_any_more_says_so(api: Api) -> None:
    api.post("/api/crm/disconnect", ACME)
    answer = form(api, "/accounts/acme/refresh", {"provider": "hubspot"})
    assert answer.status == 404
    assert b"The connection to the CRM is gone." in answer.body
    assert b'href="/accounts/acme">Back' in answer.body
    assert form(api, "/accounts/acme/refresh", {"force": "yes"}).status == 404, "of which CRM is not said"


def test_the_command_lets_go_as_well(sandbox: Sandbox, tmp_path: Path) -> None:
    shell = Shell(tmp_path, sandbox.environment())
    assert shell("sync", "--account", "acme", "--json").code == 0
    leads = len(shell("leads", "acme", "--json").json)
    told = shell("disconnect", "acme", "hubspot", "--json")
    assert (told.code, told.json["connections"][0]["state"]) == (0, "disconnected")
    assert [one.integration for one in sandbox.book.of_account("acme")] == ["pipedrive"]
    assert len(shell("leads", "acme", "--json").json) == leads > 0
    assert shell("disconnect", "acme", "hubspot", "--json").error["code"] == "connection_not_found"
    kept = shell("disconnect", "acme", "pipedrive", "--keep-at-nango")
    assert "still at Nango" in kept.out
    rows = shell("connections", "--refresh", "--json").json
    states = {row["provider"]: row["state"] for row in rows if row["account_id"] == "acme"}
    assert states == {"hubspot": "disconnected", "pipedrive": "disconnected"}


def test_a_sync_that_ends_after_its_connection_was_let_go_of_does_not_bring_it_back(
    api: Api, pipeline: Pipeline
) -> None:
    connection = known(pipeline)
    sync = new_sync(pipeline, connection)
    open_books(pipeline, sync, trigger="manual")
    api.post("/api/crm/disconnect", {**ACME, "keep_at_nango": True})
    sync_connection(pipeline, connection)
    assert (known(pipeline).state, known(pipeline).is_active) == ("disconnected", False)


def test_leads_are_paged_searched_and_sorted(api: Api, pipeline: Pipeline) -> None:
    sync_connection(pipeline, known(pipeline))
    everyone = api.get("/api/leads?account_id=acme&limit=500&sort=name").json
    names = [lead["name"].lower() for lead in everyone["leads"]]
    assert (names, everyone["total"]) == (sorted(names), len(names))
    page = api.get("/api/leads?account_id=acme&limit=3&offset=2&sort=name&order=desc").json
    assert [lead["name"].lower() for lead in page["leads"]] == names[::-1][2:5]
    assert (page["limit"], page["offset"], page["total"]) == (3, 2, len(names))
    one = everyone["leads"][0]
    found = api.get(f"/api/leads?account_id=acme&search={one['id']}").json
    assert [lead["id"] for lead in found["leads"]] == [one["id"]]
    assert one["last_crm_sync_at"].endswith("Z")
    assert api.get("/api/leads?account_id=globex").json["total"] == 0
    assert api.get("/api/leads?account_id=nobody").json == {
        "leads": [], "total": 0, "limit": 50, "offset": 0, "as_of": None,
    }  # fmt: skip


HOSTILE = (
    "' or 1=1 --", "acme' union select 1", "%27%00", "../../etc/passwd", "<script>alert(1)</script>", "{{7*7}}",
    "${7*7}", "\u202eacme", "a" * 255, "acme/hubspot",
    "null", "0", "true", "ﬀ", "😀", "\\", '"', "%", "_", "ac\u00a0me",
)  # fmt: skip


def test_hostile_texts_are_accounts_that_are_not_there(api: Api, queue: FakeDagster) -> None:
    for text in HOSTILE:
        asked = quote(text, safe="")
        assert api.get(f"/api/crm/status?account_id={asked}").json["connected"] is False
        assert api.get(f"/api/leads?account_id={asked}&search={asked[:90]}").json["total"] == 0
        assert api.post("/api/crm/sync", {"account_id": text}).error["code"] == "connection_not_found"
        assert api.post("/api/crm/disconnect", {"account_id": text, "provider": "hubspot"}).status == 404
        assert api.post("/api/crm/connect", {**ACME, "connection_id": text}).status == 404
        assert api.get(f"/api/crm/syncs/{uuid4()}?account_id={asked}").status == 404
    assert queue.launched == []


REFUSED: tuple[tuple[str, str, object, int], ...] = (
    ("GET", "/api/nothing", None, 404), ("PUT", "/api/leads", None, 405),
    ("DELETE", "/api/crm/sync", None, 405), ("TRACE", "/api/leads", None, 405), ("GET", "/api/crm/sync", None, 405),
    ("GET", "/api/leads", None, 422), ("GET", "/api/leads?account_id=", None, 422),
    ("GET", "/api/leads?account_id=%00", None, 422), ("GET", "/api/leads?account_id=a%0a", None, 422),
    ("GET", "/api/leads?account_id=a&limit=0", None, 422), ("GET", "/api/leads?account_id=a&limit=501", None, 422),
    ("GET", "/api/leads?account_id=a&offset=-1", None, 422), ("GET", "/api/leads?account_id=a&sort=x", None, 422),
    ("GET", "/api/leads?account_id=a&limit=1e3", None, 422), ("GET", "/api/crm/syncs/not-a-uuid", None, 422),
    ("POST", "/api/crm/sync", b"", 422), ("POST", "/api/crm/sync", b"{", 422),
    ("POST", "/api/crm/sync", b"[]", 422),
    ("POST", "/api/crm/sync", b"null", 422), ("POST", "/api/crm/sync", b"\xff", 400),
    ("POST", "/api/crm/sync", {}, 422), ("POST", "/api/crm/sync", {"account_id": 7}, 422),
    ("POST", "/api/crm/sync", {"account_id": " "}, 422), ("POST", "/api/crm/sync", {"account_id": "a" * 256}, 422),
    ("POST", "/api/crm/sync", {"account_id": "a\x00b"}, 422),
    ("POST", "/api/crm/connect/session", {"account_id": "acme\u00a0", "provider": "hubspot"}, 422),
    ("POST", "/api/crm/connect/session", {"account_id": " acme", "provider": "hubspot"}, 422),
    ("POST", "/api/crm/sync", b'{"account_id": "\\ud800"}', 422),
    ("POST", "/api/crm/sync", {"account_id": "a", "strategy": "erase"}, 422),
    ("POST", "/api/crm/sync", {"account_id": "a", "wait_seconds": 61}, 422),
    ("POST", "/api/crm/sync", {"account_id": "a", "wait_seconds": -1}, 422),
    ("POST", "/api/crm/sync", b'{"account_id": "a", "wait_seconds": NaN}', 422),
    ("POST", "/api/crm/sync", {"account_id": "a", "force": True}, 422),
    ("POST", "/api/crm/sync", {"account_id": "a", "force": "yes", "provider": "hubspot"}, 422),
    ("POST", "/api/crm/sync", {"account_id": "a", "extra": 1}, 422),
    ("POST", "/api/crm/sync", {"account_id": "a", "provider": "siebel"}, 422),
    ("POST", "/api/crm/sync", b"[" * 100_000, 400),
)  # fmt: skip


def test_every_refusal_has_one_shape(api: Api) -> None:
    for method, target, body, status in REFUSED:
        answer = api(method, target, body)
        assert (answer.status, bool(answer.error)) == (status, True), (method, target, body)


def test_a_store_that_a_sync_has_open_is_a_503_with_a_time_and_never_a_traceback(
    api: Api, queue: FakeDagster, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm_pipeline.web.service.READ_WAIT", 0.5)
    for target in ("/api/crm/status?account_id=acme", "/api/leads?account_id=acme"):
        assert api.get(target).json["as_of"] is None
    sync_id = api.post("/api/crm/sync", ACME).json["sync_ids"][0]
    queue.set(queue.runs[0]["runId"], "STARTED")
    with held_open(pipeline.warehouse.path):
        shown = api.get(f"/api/crm/syncs/{sync_id}").json
        assert (shown["state"], shown["progress"]["step"]) == ("running", "starting"), "Dagster tells it meanwhile"
        for target in ("/api/crm/status?account_id=acme", "/api/leads?account_id=acme"):
            assert api.get(target).json["as_of"].endswith("Z"), "what was seen before"
        unseen = api.get("/api/leads?account_id=globex")
        assert (unseen.status, unseen.error["code"]) == (503, "warehouse_locked")
        assert int(unseen.headers["retry-after"]) > 0
        again = api.post("/api/crm/sync", ACME)
        assert again.json["sync_ids"] == [sync_id], "the connection is remembered, and its sync joined"


def test_a_mistake_of_ours_is_a_500_in_the_same_shape(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("crm_pipeline.web.service.Service.status", broken)
    answer = api.get("/api/crm/status?account_id=acme")
    assert (answer.status, answer.error["code"]) == (500, "internal_error")
    assert b"secret detail" not in answer.body
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_without_a_key_of_nango_the_calls_that_need_it_say_so(queue: FakeDagster, tmp_path: Path) -> None:
    with served(settings_of(tmp_path, {}, CRM_DAGSTER_URL=queue.url)) as api:
        answer = api.post("/api/crm/connect/session", ACME)
        assert (answer.status, answer.error["code"]) == (500, "invalid_setting")
        assert "NANGO_SECRET_KEY" in answer.error["message"]
        assert api.get("/api/crm/status?account_id=acme").status == 200


def test_the_names_of_tags_are_those_of_the_graph() -> None:
    """This process does not import Dagster, so it has them a second time."""
    names = ("ACCOUNT_TAG", "PROVIDER_TAG", "SYNC_TAG", "STRATEGY_TAG", "TRIGGER_TAG", "CONNECTION_TAG", "SYNC_ID_TAG",
             "PARENT_TAG", "PRIORITY_TAG")  # fmt: skip
    assert {name: getattr(dagster, name) for name in names} == {name: getattr(tags, name) for name in names}
    assert dagster.DIFFERENCE == DIFFERENCE
    assert dagster.PARTITION_TAG == PARTITION_NAME_TAG
    assert Asked("append", None, False, False, "manual").is_plain


def test_the_documentation_needs_nothing_from_elsewhere(api: Api) -> None:
    page = api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert b"POST /api/crm/sync" in page.body
    for outside in (b"https://", b"//cdn", b"<script", b"style="):
        assert outside not in page.body
    assert api.get("/static/docs.css").status == 200
    paths = api.get("/openapi.json").json["paths"]
    assert {path for path in paths if path.startswith("/api/")} >= {
        "/api/crm/connect/session", "/api/crm/connect", "/api/crm/sync", "/api/crm/syncs/{sync_id}", "/api/crm/status",
        "/api/crm/disconnect", "/api/cron/sync-crm", "/api/webhooks/nango", "/api/leads",
    }  # fmt: skip
