"""From our errors to Dagster's, in one place: what to do stands in the run page, and only what may heal is retried."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from crm_pipeline.errors import PipelineError


@contextmanager
def translated() -> Iterator[None]:
    """A `PipelineError` inside becomes a Dagster failure with its code and advice."""
    try:
        yield
    except PipelineError as error:
        raise as_failure(error) from error


def as_failure(error: PipelineError) -> dg.Failure:
    """The failure the run page shows."""
    return dg.Failure(
        description=f"{error.message.rstrip('.')}. {error.action}",
        metadata={"code": error.code, "message": error.message, "what to do": error.action},
        allow_retries=error.can_retry,
    )
