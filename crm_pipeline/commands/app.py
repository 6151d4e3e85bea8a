"""What commands start from: the settings, the store and the pipeline, each made when it is first needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from crm_pipeline.commands.text import safe
from crm_pipeline.errors import ConfigError, PipelineError
from crm_pipeline.settings import Settings
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Session

if TYPE_CHECKING:
    from crm_pipeline.nango.client import NangoClient
    from crm_pipeline.steps import Pipeline

DONE, FAILED, WRONG_USE = 0, 1, 2
"""Exit codes: done; a sync failed or was held, or something broke; wrong use or configuration."""
READING_WAIT = 10.0
"""Seconds a command that only reads waits for a process that has the store open."""
IMPATIENT_TRIES = 2
"""Attempts per call to Nango where a person waits for the answer; a sync is more patient."""
IN_MEMORY = Path(":memory:")
CONFIGURATION = frozenset(
    {"invalid_setting", "nango_unauthorized", "connection_not_found", "connection_misconfigured", "missing_scope"}
)
"""Errors that a person has to correct: in a setting, in the command, at Nango."""


def exit_code(error: PipelineError) -> int:
    """What a shell is told of an error that ended a command."""
    return WRONG_USE if error.code in CONFIGURATION else FAILED


def store(settings: Settings) -> Warehouse:
    """The store that the settings name."""
    return Warehouse(settings.warehouse, data_dir=settings.data_dir)


@contextmanager
def reading(warehouse: Warehouse) -> Iterator[Session]:
    """A session for reading: it waits shortly for a writer, and reads a store that is not there yet as an empty one."""
    with _opened(warehouse) as session:
        session.migrate()
        yield session


def known_accounts(session: Session) -> list[str]:
    """The accounts that have a connection."""
    rows = session.rows("registry/connections", account_id=None, only_provider=None)
    return sorted({row["account_id"] for row in rows if row["account_id"]})


def require_account(account: str | None, known: Sequence[str]) -> None:
    """Refuse the name of an account that has no connection."""
    if account is not None and account not in known:
        raise ConfigError(
            "invalid_setting",
            f"Account {account!r} has no connection.",
            action=f"There are: {', '.join(map(safe, known[:20]))}." if known else "Run `crm-pipeline sync` first.",
        )


@contextmanager
def nango(settings: Settings, *, patient: bool = True) -> Iterator[NangoClient]:
    """Nango's client; an impatient one gives up after a few seconds, because a person waits."""
    from crm_pipeline.nango.client import NangoClient
    from crm_pipeline.nango.retry import DEFAULT_POLICY, RetryPolicy

    policy = DEFAULT_POLICY if patient else RetryPolicy(attempts=IMPATIENT_TRIES, total_wait=READING_WAIT)
    with NangoClient(host=settings.nango_host, secret_key=settings.require_nango(), policy=policy) as client:
        yield client


@contextmanager
def pipeline(settings: Settings, *, patient: bool = True) -> Iterator[Pipeline]:
    """Everything the walk needs, from the settings."""
    from crm_pipeline.steps import Pipeline

    with nango(settings, patient=patient) as client:
        yield Pipeline(
            warehouse=store(settings),
            nango=client,
            data_dir=settings.data_dir,
            default_region=settings.default_region,
        )


@contextmanager
def offline_pipeline(settings: Settings) -> Iterator[Pipeline]:
    """The pipeline for what asks nobody anything; it needs no key of Nango."""
    from crm_pipeline.nango.client import NangoClient
    from crm_pipeline.steps import Pipeline

    with NangoClient(host=settings.nango_host, secret_key="none") as nobody:
        yield Pipeline(
            warehouse=store(settings),
            nango=nobody,
            data_dir=settings.data_dir,
            default_region=settings.default_region,
        )


def _opened(warehouse: Warehouse) -> AbstractContextManager[Session]:
    if warehouse.engine != "duckdb":
        return warehouse.unmigrated_session()
    from crm_pipeline.warehouse.duckdb_store import open_duckdb

    return open_duckdb(warehouse.path if warehouse.path.exists() else IN_MEMORY, wait=READING_WAIT)
