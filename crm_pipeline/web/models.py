"""What the API takes and answers, exactly: the OpenAPI document is made of these."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, WithJsonSchema

from crm_pipeline.providers import PROVIDERS
from crm_pipeline.web.leads import LONGEST_SEARCH, SORTS
from crm_pipeline.web.states import ConnectionState, SyncState

LONGEST_ID = 255
LONGEST_WAIT = 60
MOST_LEADS = 500
BLANKS = r"\u0020\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
NO_CONTROLS = rf"^[^\u0000-\u001f\u007f{BLANKS}]([^\u0000-\u001f\u007f]*[^\u0000-\u001f\u007f{BLANKS}])?$"
"""An id is a line of text without a blank at its ends: Nango's tag `acme ` would belong to the account `acme`."""
COUNTS = ("fetched", "created", "updated", "unchanged", "merged", "skipped", "removed", "split")

Provider = enum.StrEnum("Provider", {name: name for name in PROVIDERS})  # type: ignore[misc]
Sort = enum.StrEnum("Sort", {name: name for name in sorted(SORTS)})  # type: ignore[misc]


def _line(text: str) -> str:
    if re.search(r"[\x00-\x1f\x7f]", text) or text != text.strip():
        raise ValueError("must be one line of text without a blank at its ends")
    return text


Line = Annotated[str, Field(min_length=1, max_length=LONGEST_ID), AfterValidator(_line)]
AccountId = Annotated[
    Line,
    WithJsonSchema(
        {
            "type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": NO_CONTROLS,
            "description": "The account, as the connection's tag `account_id` at Nango names it.", "examples": ["acme"],
        }
    ),
]  # fmt: skip
ConnectionId = Annotated[
    Line,
    WithJsonSchema(
        {
            "type": "string", "minLength": 1, "maxLength": LONGEST_ID, "pattern": NO_CONTROLS,
            "description": "The connection's id at Nango.",
        }
    ),
]  # fmt: skip
Moment = Annotated[
    datetime,
    PlainSerializer(lambda moment: moment.astimezone(UTC).isoformat().replace("+00:00", "Z"), return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""In UTC, with `Z`."""


AS_OF: Any = Field(None, description="Set while a sync has a DuckDB file open: when it was so. Ask again in a moment.")


class Taken(BaseModel):
    """A body: nothing but what it names."""

    model_config = ConfigDict(extra="forbid", strict=False)


class AskConnectSession(Taken):
    """Whose CRM is to be connected, and which it is."""

    account_id: AccountId
    provider: Provider


class AskConnect(Taken):
    """A connection that was made at Nango."""

    account_id: AccountId
    provider: Provider
    connection_id: ConnectionId


class AskSync(Taken):
    """What to sync, and how."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "if": {"properties": {"force": {"const": True}}, "required": ["force"]},
            "then": {"properties": {"provider": {"type": "string"}}, "required": ["provider"]},
        },
    )

    account_id: AccountId
    provider: Provider | None = Field(None, description="Only this CRM of the account. Empty: all of them.")
    strategy: Literal["append", "overwrite", "preview"] = Field(
        "append",
        description="`append` removes no lead; `overwrite` removes those that the CRM has no contact for any more; "
        "`preview` tells what would change and writes nothing.",
    )
    preview_of: Literal["append", "overwrite"] = Field("append", description="What a preview rehearses.")
    full: bool = Field(False, strict=True, description="Read everything instead of what changed.")
    force: bool = Field(
        False,
        strict=True,
        description="Believe a removal that was held, as far as it was shown; with `provider`.",
    )
    wait_seconds: float = Field(
        0, ge=0, le=LONGEST_WAIT, strict=True, description="Answer with the results if they are there by then."
    )


class AskDisconnect(Taken):
    """Whose CRM is to be let go of."""

    account_id: AccountId
    provider: Provider
    keep_at_nango: bool = Field(False, strict=True, description="Do not delete the connection at Nango.")


class Failure(BaseModel):
    """What went wrong and what to do."""

    code: str = Field(description="One of the published codes; the README lists them.")
    message: str
    action: str


class Problem(BaseModel):
    """The answer to whatever could not be done."""

    success: Literal[False]
    error: Failure


class ConnectSessionAnswer(BaseModel):
    """An invitation for the person who owns the CRM; good for half an hour."""

    success: Literal[True] = True
    token: str
    connect_link: str
    expires_at: Moment


class Connection(BaseModel):
    """One connection of an account."""

    account_id: str
    provider: str
    connection_id: UUID = Field(description="Ours; it stays when the CRM is connected anew.")
    nango_connection_id: str
    connected: bool
    state: Literal["active", "needs_reconnect", "unassigned", "disconnected"]
    last_synced_at: Moment | None
    last_sync_id: UUID | None
    last_status: str | None
    sentence: str | None = Field(description="What the last sync did, in words for a person.")
    notes: list[str] = Field(description="What it could not read although it went on, or what is odd in the settings.")
    last_error: Failure | None

    @classmethod
    def of(cls, state: ConnectionState) -> Connection:
        """From what the service tells."""
        return cls(
            account_id=state.account_id,
            provider=state.provider,
            connection_id=state.connection_id,
            nango_connection_id=state.nango_connection_id,
            connected=state.connected,
            state=state.state,  # type: ignore[arg-type]
            last_synced_at=state.last_synced_at,
            last_sync_id=state.last_sync_id,
            last_status=state.last_status,
            sentence=state.sentence,
            notes=list(state.notes),
            last_error=_failure(state.error),
        )


class ConnectAnswer(BaseModel):
    """The connection is ours, and its first sync has been started."""

    success: Literal[True] = True
    connection: Connection
    sync_id: UUID


class DisconnectAnswer(BaseModel):
    """The connection is not used any more; the leads are still there."""

    success: Literal[True] = True


class Progress(BaseModel):
    """How far a sync under way has come."""

    step: Literal["queued", "starting", "fetching", "building"]
    records: int = Field(description="Contacts fetched so far.")
    requests: int


class Results(BaseModel):
    """What a sync did. Every contact it read is in exactly one of created, merged, updated, unchanged and skipped."""

    fetched: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    merged: int = 0
    skipped: int = 0
    removed: int = 0
    split: int = 0


class Sync(BaseModel):
    """One sync, from the moment it was asked for."""

    sync_id: UUID
    account_id: str
    provider: str
    connection_id: UUID | None
    nango_connection_id: str | None
    strategy: str
    preview_of: str | None
    trigger: str
    pass_kind: str | None = Field(serialization_alias="pass")
    state: Literal["queued", "running", "succeeded", "failed", "held", "interrupted"]
    status: str = Field(description="The same as `state`, under the name that `crm-pipeline sync --json` gives it.")
    success: bool
    progress: Progress | None
    results: Results | None
    skipped_by_reason: dict[str, int]
    sentence: str | None
    requests: int
    seconds: float | None
    started_at: Moment | None
    finished_at: Moment | None
    error: Failure | None
    notes: list[str]
    difference: dict[str, Any] | None = Field(description="Of a preview that ended: what would change, lead by lead.")

    @classmethod
    def of(cls, state: SyncState, difference: Mapping[str, Any] | None = None) -> Sync:
        """From what the service tells."""
        progress = state.progress
        return cls(
            sync_id=state.sync_id,
            account_id=state.account_id,
            provider=state.provider,
            connection_id=state.connection_id,
            nango_connection_id=state.nango_connection_id,
            strategy=state.strategy,
            preview_of=state.preview_of,
            trigger=state.trigger,
            pass_kind=state.pass_kind,
            state=state.state,  # type: ignore[arg-type]
            status=state.state,
            success=state.success,
            progress=Progress(step=progress.step, records=progress.records, requests=progress.requests)  # type: ignore[arg-type]
            if progress
            else None,
            results=Results(**state.results) if state.results else None,
            skipped_by_reason=dict(state.skipped_by_reason),
            sentence=state.sentence,
            requests=state.requests,
            seconds=state.seconds,
            started_at=state.started_at,
            finished_at=state.finished_at,
            error=_failure(state.error),
            notes=list(state.notes),
            difference=dict(difference) if difference is not None else None,
        )


class SyncsEnded(BaseModel):
    """All syncs are over; `results` are the counts of all together."""

    success: bool
    results: Results
    syncs: list[Sync]


class SyncsStarted(BaseModel):
    """Some syncs are still under way: ask `GET /api/crm/syncs/{sync_id}`."""

    success: Literal[True] = True
    sync_ids: list[UUID]
    syncs: list[Sync]


class Status(BaseModel):
    """Whether an account's CRM is connected, and when it was synced last."""

    connected: bool
    provider: str | None = Field(description="Of the connection that was synced last.")
    lastSyncedAt: Moment | None
    connections: list[Connection]
    as_of: Moment | None = AS_OF


class EverythingStarted(BaseModel):
    """What the clock set going."""

    success: Literal[True] = True
    started: int = Field(description="Connections that are synced now.")
    sync_ids: list[UUID] = Field(description="Empty where there are so many that a run holds several.")


class Accepted(BaseModel):
    """The event was taken."""

    success: Literal[True] = True
    sync_id: UUID | None = Field(description="The sync that it started, if it started one.")


class Leads(BaseModel):
    """A page of leads, with the columns of the table `leads`; times in UTC with `Z`."""

    leads: list[dict[str, Any]]
    total: int
    limit: int
    offset: int
    as_of: Moment | None = AS_OF


def _failure(error: Mapping[str, Any] | None) -> Failure | None:
    if error is None:
        return None
    return Failure(**{name: str(error[name] or "") for name in ("code", "message", "action")})


SEARCH_LENGTH = LONGEST_SEARCH
