"""The pipeline as a Dagster resource.

Settings are read from the environment when a run starts, never when the graph loads.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from crm_pipeline.nango.client import NangoClient
from crm_pipeline.settings import Settings
from crm_pipeline.steps import Pipeline
from crm_pipeline.warehouse.database import Warehouse


class CrmPipeline(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The store named by CRM_WAREHOUSE and the Nango of NANGO_HOST and NANGO_SECRET_KEY."""

    @contextmanager
    def opened(self) -> Iterator[Pipeline]:
        """A pipeline whose Nango connections are closed afterwards. Raises `ConfigError` when the key is missing."""
        settings = Settings.from_environment()
        with NangoClient(host=settings.nango_host, secret_key=settings.require_nango()) as nango:
            yield Pipeline(
                warehouse=self.warehouse(),
                nango=nango,
                data_dir=settings.data_dir,
                default_region=settings.default_region,
            )

    def warehouse(self) -> Warehouse:
        """The store alone, for what needs no network."""
        settings = Settings.from_environment()
        return Warehouse(settings.warehouse, data_dir=settings.data_dir)


def definitions() -> dg.Definitions:
    return dg.Definitions(resources={"crm": CrmPipeline()}, executor=dg.in_process_executor)
