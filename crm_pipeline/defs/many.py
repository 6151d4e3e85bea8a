"""The job of the schedule: many connections in one run, each failing for itself.

A run costs seconds, what it does for a connection does not. What a run of the assets would show is shown here as well:
materializations of each account's partitions, and a red check where a connection failed.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import dagster as dg
from pydantic import Field

from crm_pipeline.defs.checks import evaluation_of, outcomes
from crm_pipeline.defs.contacts import contact_metadata
from crm_pipeline.defs.failures import as_failure, translated
from crm_pipeline.defs.leads import lead_metadata, threads_event
from crm_pipeline.defs.raw import raw_metadata
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.synced import SYNCED, as_evaluation, synced_check
from crm_pipeline.defs.syncs import LEADS
from crm_pipeline.defs.tags import PARENT_TAG, raw_key, trigger_of
from crm_pipeline.errors import ConfigError, SyncUnfinished
from crm_pipeline.fleet import Asked, Joined, sync_connections
from crm_pipeline.steps import APPLIED, system_now
from crm_pipeline.walk import registry
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.checks import is_due
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.session import Session

Outcome = SyncResult | Joined


class ManyConfig(dg.Config):
    """Which connections, and how."""

    connections: list[str] | None = Field(
        default=None,
        description="Ids of connections (`crm_connections.id`), in the order in which they begin. Empty: all active.",
    )
    due_at: str | None = Field(
        default=None,
        description="A connection that was synced since this time (ISO 8601) is not synced again. The schedule writes "
        "its tick here, so that a late, repeated or retried run does only what is left.",
    )
    strategy: str = Field(default="append", description="`append`, or `overwrite` to remove leads without contacts.")
    full: bool = Field(default=False, description="Read everything from the CRMs instead of what changed.")
    at_once: int | None = Field(
        default=None, ge=1, le=32, description="Connections that are fetched side by side. Empty: CRM_SYNC_AT_ONCE."
    )


@dg.op(
    out=dg.Out(dg.Nothing), description="Syncs the connections side by side; one that fails or is slow stops no other."
)
def walk_connections(
    context: dg.OpExecutionContext, config: ManyConfig, crm: CrmPipeline
) -> Iterator[dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output[None]]:
    ended: list[Outcome] = []
    with translated(), crm.opened() as pipeline:
        require_applied(config.strategy)
        with pipeline.warehouse.session() as session:
            connections = chosen(context, registry.connections(session), config.connections)
        asked = Asked(
            strategy=config.strategy,
            full=config.full,
            trigger=trigger_of(context.run.tags),
            due_at=datetime.fromisoformat(config.due_at) if config.due_at else None,
        )
        at_once = config.at_once or crm.settings().sync_at_once
        waiting, is_again = Waiting(connections), PARENT_TAG in context.run.tags
        with closing(sync_connections(pipeline, connections, asked, at_once=at_once)) as ending:
            for outcome in ending:
                ended.append(outcome)
                say(context, outcome)
                if done := waiting.ended(outcome):
                    account = outcome.connection.account_id
                    is_untold = is_again and any(isinstance(one, Joined) for one in done)
                    with pipeline.warehouse.session() as session:
                        events = account_events(session, account, done, is_untold=is_untold)
                        needs_look = has_changed(done) or is_untold or is_due(session, account, now=system_now())
                    yield from events
                    if needs_look:
                        yield from map(evaluation_of, outcomes(crm, account))
        with pipeline.warehouse.session() as session:
            yield as_evaluation(synced_check(session))
    yield dg.Output(None, metadata=totals(ended))
    errors = [one.error for one in ended if isinstance(one, SyncResult) and one.status == "failed" and one.error]
    if errors and len(errors) == len(ended):
        raise as_failure(errors[0])


def require_applied(strategy: str) -> None:
    """Refuse a strategy that is not for a run that materializes."""
    if strategy not in APPLIED:
        raise ConfigError(
            "invalid_setting",
            f"There is no strategy {strategy!r} for this job; choose from {', '.join(APPLIED)}.",
            action="Correct the run's configuration. A preview is the job `preview`.",
        )


def chosen(
    context: dg.OpExecutionContext, known: Sequence[Connection], asked: Sequence[str] | None
) -> list[Connection]:
    """The connections to sync, in the order they were asked for; those that cannot be by now are told."""
    usable = {str(one.id): one for one in registry.syncable(known)}
    if asked is None:
        return list(usable.values())
    labels = {str(one.id): one.label for one in known}
    for id in asked:
        if id not in usable:
            context.log.warning(f"{labels.get(id, id)} is not active any more: passed over.")
    return [usable[id] for id in dict.fromkeys(asked) if id in usable]


class Waiting:
    """An account is told of once all its connections of the run have ended, so that its events come together."""

    def __init__(self, connections: Sequence[Connection]) -> None:
        self._left: dict[str, int] = defaultdict(int)
        self._ended: dict[str, list[Outcome]] = defaultdict(list)
        for connection in connections:
            self._left[connection.account_id] += 1

    def ended(self, outcome: Outcome) -> Sequence[Outcome]:
        """Everything that became of an account, with its last connection; nothing before."""
        account = outcome.connection.account_id
        self._left[account] -= 1
        self._ended[account].append(outcome)
        return () if self._left[account] else self._ended[account]


def say(context: dg.OpExecutionContext, outcome: Outcome) -> None:
    """One line of the run's log for each connection."""
    label = outcome.connection.label
    if isinstance(outcome, Joined):
        context.log.info(f"{label}: {outcome.note}")
    elif isinstance(outcome.error, SyncUnfinished):
        context.log.warning(f"{label}: {outcome.error.message} A run of its own goes on with it.")
    elif outcome.error is not None:
        context.log.error(f"{label}: {outcome.error.code}: {outcome.error.message} {outcome.error.action}")
    else:
        context.log.info(f"{label}: {outcome.results.sentence()} in {outcome.seconds:.1f} s")
        for note in outcome.notes:
            context.log.warning(f"{label}: {note}")


def account_events(
    session: Session, account: str, outcomes: Sequence[Outcome], *, is_untold: bool = False
) -> list[dg.AssetMaterialization]:
    """What a run of the assets would have told of the account.

    It is untold where the run before this one may have died between a sync and its events.
    """
    synced_now = [one for one in outcomes if isinstance(one, SyncResult) and one.success]
    if not synced_now and not is_untold:
        return []
    told: dict[dg.AssetKey, Mapping[str, Any]] = {
        raw_key(one.connection.provider): raw_metadata(
            session, account, one.connection.provider,
            records=one.results.fetched, requests=one.requests, seconds=one.seconds,
        )
        for one in synced_now
    }  # fmt: skip
    told |= {**contact_metadata(session, account), LEADS: lead_metadata(session, account, synced_now)}
    events = [dg.AssetMaterialization(key, partition=account, metadata=one) for key, one in told.items()]
    return [*events, threads_event(session, account)]


def has_changed(done: Sequence[Outcome]) -> bool:
    """Whether leads of the account may be others than before: an event costs more than a sync that finds nothing."""
    results = [one.results for one in done if isinstance(one, SyncResult)]
    return any(one.created or one.updated or one.merged or one.split or one.removed for one in results)


def totals(outcomes: Sequence[Outcome]) -> dict[str, int | float | str]:
    """What the run's output tells: how many ended how, and the counts of all together."""
    results = [one for one in outcomes if isinstance(one, SyncResult)]
    counts: dict[str, int] = defaultdict(int)
    for result in results:
        counts[result.status] += 1
        for name, count in result.results.as_dict().items():
            counts[name] += count
        counts["requests"] += result.requests
    joined = len(outcomes) - len(results)
    return {"connections": len(outcomes), **counts, **({"already synced": joined} if joined else {})}


@dg.job(
    name="sync_many",
    description=(
        "Sync many connections in one run: what the hourly schedule starts. Each fails for itself: the check "
        f"`{SYNCED}` on leads turns red and names it, the others go on. Without configuration: every active connection."
    ),
)
def sync_many() -> None:
    walk_connections()


def definitions() -> dg.Definitions:
    return dg.Definitions(jobs=[sync_many])
