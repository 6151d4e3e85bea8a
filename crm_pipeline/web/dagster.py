"""The client of Dagster's webserver: start a run, find runs by their tags, read what they told, cancel them.

Over GraphQL, so that this process needs neither Dagster's libraries nor its storage. Runs started so stand in the queue
and in the history like any other.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

import orjson

from crm_pipeline.errors import DagsterError
from crm_pipeline.nango.limits import SYSTEM_CLOCK, Timeouts
from crm_pipeline.nango.transport import NoAnswer, Transport

SYNC_JOB, PREVIEW_JOB, MANY_JOB = "sync_connection", "preview", "sync_many"
PARTITIONS = "accounts"
PARTITION_TAG, PARENT_TAG, PRIORITY_TAG = "dagster/partition", "dagster/parent_run_id", "dagster/priority"
ACCOUNT_TAG, PROVIDER_TAG, SYNC_TAG = "crm_pipeline/account", "crm_pipeline/provider", "crm_pipeline/sync"
STRATEGY_TAG, TRIGGER_TAG = "crm_pipeline/strategy", "crm_pipeline/trigger"
CONNECTION_TAG, SYNC_ID_TAG = "crm_pipeline/connection", "crm_pipeline/sync_id"
"""As in `defs/tags.py`, which this process does not import: it would bring Dagster with it."""
PREVIEW_OF_TAG, FULL_TAG, FORCE_TAG = "crm_pipeline/preview_of", "crm_pipeline/full", "crm_pipeline/force"
DIFFERENCE = "difference"
"""The label of what a preview tells a program, before the id of the sync."""
QUEUED = frozenset({"QUEUED", "NOT_STARTED", "MANAGED"})
AT_WORK = frozenset({"STARTING", "STARTED", "SUSPENDED", "CANCELING"})
UNDER_WAY = QUEUED | AT_WORK
JOINABLE = UNDER_WAY - {"CANCELING"}
MOST_EVENTS, LARGEST_ANSWER = 1000, 64 << 20
TIMEOUTS = Timeouts(connect=3.0, read=20.0, page=30.0)
HEADERS = {"Content-Type": "application/json", "User-Agent": "crm-pipeline"}

REPOSITORIES = """
query { repositoriesOrError {
  ... on RepositoryConnection { nodes { name location { name } jobs { name } } }
  ... on PythonError { message }
} }
"""
LAUNCH = """
mutation($selector: JobOrPipelineSelector!, $config: RunConfigData, $tags: [ExecutionTag!],
         $repository: RepositorySelector!, $partition: String!, $partitions: String!, $isPartitioned: Boolean!) {
  addDynamicPartition(repositorySelector: $repository, partitionsDefName: $partitions, partitionKey: $partition)
    @include(if: $isPartitioned) { __typename ... on PythonError { message } }
  launchRun(executionParams: {selector: $selector, runConfigData: $config, executionMetadata: {tags: $tags}}) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on PipelineNotFoundError { message }
    ... on InvalidSubsetError { message }
    ... on UnauthorizedError { message }
    ... on ConflictingExecutionParamsError { message }
  }
}
"""
RUNS = """
query($filter: RunsFilter!, $limit: Int) { runsOrError(filter: $filter, limit: $limit) {
  ... on Runs { results { runId status creationTime startTime endTime tags { key value } } }
  ... on PythonError { message }
  ... on InvalidPipelineRunsFilterError { message }
} }
"""
EVENTS = """
query($id: ID!, $after: String, $limit: Int) { runOrError(runId: $id) {
  ... on Run { eventConnection(afterCursor: $after, limit: $limit) { cursor hasMore events {
    __typename
    ... on MessageEvent { message }
    ... on ExecutionStepOutputEvent { metadataEntries { label ... on JsonMetadataEntry { jsonString } } }
    ... on ExecutionStepFailureEvent {
      error { message }
      failureMetadata { description metadataEntries { label ... on TextMetadataEntry { text } } }
    }
    ... on RunFailureEvent { error { message } }
  } } }
} }
"""
TERMINATE = """
mutation($ids: [String!]!) { terminateRuns(runIds: $ids, terminatePolicy: SAFE_TERMINATE) { __typename } }
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of Dagster's."""

    id: str
    status: str
    tags: Mapping[str, str]
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def is_queued(self) -> bool:
        return self.status in QUEUED

    @property
    def is_over(self) -> bool:
        return self.status not in UNDER_WAY


@dataclass(frozen=True, slots=True)
class Place:
    """Where Dagster has our graph."""

    repository: str
    location: str


class Dagster:
    """The webserver at one address; thread safe."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._transport = Transport(url, timeouts=TIMEOUTS, clock=SYSTEM_CLOCK, max_body_bytes=LARGEST_ANSWER)
        self._lock = threading.Lock()
        self._place: Place | None = None

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._transport.close()

    def launch(
        self,
        job: str,
        *,
        config: Mapping[str, Any],
        tags: Mapping[str, str],
        partition: str | None = None,
        assets: Sequence[Sequence[str]] = (),
    ) -> str:
        """Queue a run and answer its id; an account that is new becomes a partition first."""
        if partition is not None:
            tags = {**tags, PARTITION_TAG: partition}
        launched = self._launched(job, config, tags, partition, assets, self._found())
        if launched["__typename"] in ("PipelineNotFoundError", "PythonError"):  # perhaps it is elsewhere by now
            self._place = None
            launched = self._launched(job, config, tags, partition, assets, self._found())
        if launched["__typename"] != "LaunchRunSuccess":
            errors = "; ".join(str(one.get("message")) for one in launched.get("errors") or [])
            self._refuse(f"did not start the job `{job}`: {_first_line(launched.get('message') or errors)}")
        return str(launched["run"]["runId"])

    def runs(
        self, tags: Mapping[str, str], *, statuses: frozenset[str] | None = None, limit: int | None = 10
    ) -> list[Run]:
        """Runs that have all these tags, the newest first."""
        wanted: dict[str, Any] = {"tags": [{"key": key, "value": value} for key, value in tags.items()]}
        if statuses is not None:
            wanted["statuses"] = sorted(statuses)
        found = self._ask(RUNS, {"filter": wanted, "limit": limit})["runsOrError"]
        if "results" not in found:
            self._refuse(f"did not list its runs: {_first_line(found.get('message'))}")
        return [_run(row) for row in found["results"]]

    def failure(self, run_id: str) -> dict[str, str] | None:
        """Why a run failed, as `{"code", "message", "action"}` where it was an error of ours."""
        told: dict[str, str] | None = None
        for event in self._events(run_id):
            kind = event["__typename"]
            if kind == "ExecutionStepFailureEvent":
                metadata = event.get("failureMetadata") or {}
                facts = {one["label"]: one.get("text") for one in metadata.get("metadataEntries") or []}
                if facts.get("code"):
                    return {key: str(facts.get(label) or "") for key, label in _FACTS.items()}
                said = metadata.get("description") or (event.get("error") or {}).get("message")
                told = told or _internal(said or event.get("message"))
            elif kind == "RunFailureEvent":
                told = told or _internal((event.get("error") or {}).get("message") or event.get("message"))
        return told

    def output(self, run_id: str, label: str) -> Any:
        """What a run told as JSON under a label; None when it did not."""
        for event in self._events(run_id):
            for entry in event.get("metadataEntries") or ():
                if entry["label"] == label and "jsonString" in entry:
                    return orjson.loads(entry["jsonString"])
        return None

    def cancel(self, run_ids: Sequence[str]) -> None:
        """Take runs out of the queue, and ask those at work to stop."""
        if run_ids:
            self._ask(TERMINATE, {"ids": list(run_ids)})

    def _launched(
        self,
        job: str,
        config: Mapping[str, Any],
        tags: Mapping[str, str],
        partition: str | None,
        assets: Sequence[Sequence[str]],
        place: Place,
    ) -> Mapping[str, Any]:
        where = {"repositoryName": place.repository, "repositoryLocationName": place.location}
        selector: dict[str, Any] = {**where, "jobName": job}
        if assets:
            selector["assetSelection"] = [{"path": list(path)} for path in assets]
        answer = self._ask(
            LAUNCH,
            {
                "selector": selector,
                "config": config,
                "tags": [{"key": key, "value": value} for key, value in tags.items()],
                "repository": where,
                "partition": partition or "",
                "partitions": PARTITIONS,
                "isPartitioned": partition is not None,
            },
        )
        launched: Mapping[str, Any] = answer["launchRun"]
        return launched

    def _found(self) -> Place:
        """The repository with our jobs, whatever its code location is called."""
        with self._lock:
            if self._place is None:
                found = self._ask(REPOSITORIES, {})["repositoriesOrError"]
                for node in found.get("nodes") or ():
                    if {SYNC_JOB, PREVIEW_JOB, MANY_JOB} <= {job["name"] for job in node["jobs"]}:
                        self._place = Place(node["name"], node["location"]["name"])
                        break
                else:
                    self._refuse("has not loaded `crm_pipeline.definitions`", "Look at Deployment in Dagster's page.")
            return self._place

    def _events(self, run_id: str) -> list[Mapping[str, Any]]:
        events: list[Mapping[str, Any]] = []
        cursor: str | None = None
        while True:
            run = self._ask(EVENTS, {"id": run_id, "after": cursor, "limit": MOST_EVENTS})["runOrError"]
            page = run.get("eventConnection")
            if page is None:
                return events
            events += page["events"]
            if not page["hasMore"]:
                return events
            cursor = page["cursor"]

    def _ask(self, query: str, variables: Mapping[str, Any]) -> dict[str, Any]:
        """One exchange; never tried again, since a run that was asked for twice would run twice."""
        body = orjson.dumps({"query": query, "variables": variables})
        answer = self._transport.send("POST", "/graphql", HEADERS, body)
        if isinstance(answer, NoAnswer):
            self._refuse(answer.text)
        try:
            document = orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            self._refuse(f"answered {answer.status} and no JSON: it is not Dagster's webserver")
        data = document.get("data") if isinstance(document, dict) else None
        if not isinstance(data, dict):
            errors = document.get("errors") if isinstance(document, dict) else None
            said = errors[0].get("message") if isinstance(errors, list) and errors else None
            self._refuse(f"answered {answer.status}: {_first_line(said)}")
        return data

    def _refuse(self, what: str, action: str | None = None) -> NoReturn:
        raise DagsterError("dagster_unavailable", f"Dagster at {self._url} {what}.", action=action, can_retry=True)


_FACTS = {"code": "code", "message": "message", "action": "what to do"}


def _internal(message: object) -> dict[str, str]:
    return {
        "code": "internal_error",
        "message": f"The run failed: {_first_line(message)}",
        "action": "Look at the run in Dagster's page. The next sync continues.",
    }


def _first_line(text: object) -> str:
    lines = [line.strip() for line in str(text or "it did not say why").splitlines() if line.strip()]
    return lines[0][:300].rstrip(".") if lines else "it did not say why"


def _run(row: Mapping[str, Any]) -> Run:
    return Run(
        id=row["runId"],
        status=row["status"],
        tags={tag["key"]: tag["value"] for tag in row["tags"]},
        created_at=datetime.fromtimestamp(row["creationTime"], UTC),
        started_at=_moment(row["startTime"]),
        ended_at=_moment(row["endTime"]),
    )


def _moment(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
