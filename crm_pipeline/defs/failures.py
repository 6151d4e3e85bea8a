"""From our errors to Dagster's, in one place: what to do stands in the run page, and only what may heal is retried."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from crm_pipeline.errors import ConfigError, PipelineError, WarehouseError


@contextmanager
def translated() -> Iterator[None]:
    """A `PipelineError` inside becomes a Dagster failure with its code and advice."""
    try:
        yield
    except PipelineError as error:
        raise as_failure(error) from error


def skipped(failure: dg.Failure) -> dg.SkipReason:
    """Why a look is left out, where that is all there is to it: settings are missing, or the store is in use.

    Other failures are raised.
    """
    error = failure.__cause__
    if isinstance(error, ConfigError):
        return dg.SkipReason(failure.description)
    if isinstance(error, WarehouseError) and error.code == "warehouse_locked":
        return dg.SkipReason(f"The store is busy, the next look will do. {error.message}")
    raise failure


def as_failure(error: PipelineError) -> dg.Failure:
    """The failure the run page shows."""
    return dg.Failure(
        description=f"{error.message.rstrip('.')}. {error.action}",
        metadata={"code": error.code, "message": error.message, "what to do": error.action},
        allow_retries=error.can_retry,
    )
