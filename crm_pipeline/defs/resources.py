"""The pipeline as a Dagster resource.

Settings are read from the environment when a run starts, never when the graph loads.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from pydantic import PrivateAttr

from crm_pipeline.defs.locks import Locks
from crm_pipeline.defs.queue import alive
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.nango.limits import DEFAULT_TIMEOUTS, Timeouts
from crm_pipeline.nango.retry import RetryPolicy
from crm_pipeline.settings import Settings
from crm_pipeline.steps import Pipeline
from crm_pipeline.warehouse.database import Warehouse

HURRIED = RetryPolicy(longest_retry_after=20.0, total_wait=45.0)
"""A run holds a place in the queue, so it does not sit out what a CRM asks it to wait: the next sync goes on."""


LOOKING, LOOK_TIMEOUTS = RetryPolicy(attempts=1), Timeouts(connect=5.0, read=10.0, page=15.0)
"""A Nango that hangs is asked again by the next look."""
TICK_WAIT = 5.0
"""Seconds that a sensor or schedule waits for the store: Dagster gives up a tick after 60, and the next is near."""


class CrmPipeline(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The store named by CRM_WAREHOUSE and the Nango of NANGO_HOST and NANGO_SECRET_KEY."""

    _locks: Locks = PrivateAttr(default_factory=Locks)

    @property
    def locks(self) -> Locks:
        """The locks that the run holds; Dagster makes a resource anew for each run."""
        return self._locks

    @contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["CrmPipeline"]:
        """Show that the run's process is alive, for as long as it is; sensors and schedules have no run."""
        run = context.run
        if run is None or context.instance is None:
            yield self
            return
        with alive(context.instance, run.run_id):
            try:
                yield self
            finally:
                self.locks.release()

    @contextmanager
    def opened(self, *, is_look: bool = False) -> Iterator[Pipeline]:
        """A pipeline whose Nango connections are closed afterwards. Raises `ConfigError` when the key is missing.

        With `is_look` it is a sensor's, which has to answer before Dagster gives it up.
        """
        settings = self.settings()
        policy, timeouts = (LOOKING, LOOK_TIMEOUTS) if is_look else (HURRIED, DEFAULT_TIMEOUTS)
        key = settings.require_nango()
        with NangoClient(host=settings.nango_host, secret_key=key, policy=policy, timeouts=timeouts) as nango:
            yield Pipeline(
                warehouse=self.warehouse(wait=TICK_WAIT if is_look else None),
                nango=nango,
                data_dir=settings.data_dir,
                default_region=settings.default_region,
            )

    def warehouse(self, *, wait: float | None = None) -> Warehouse:
        """The store alone, for what needs no network."""
        settings = self.settings()
        return Warehouse(settings.warehouse, data_dir=settings.data_dir, patience=wait)

    def settings(self) -> Settings:
        """What the operator decided."""
        return Settings.from_environment()


def definitions() -> dg.Definitions:
    return dg.Definitions(resources={"crm": CrmPipeline()}, executor=dg.in_process_executor)
