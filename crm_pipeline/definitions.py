"""The Dagster code location: what the modules of `defs/` offer, merged. Needs no secret and no network to load."""

from __future__ import annotations

import dagster as dg

from crm_pipeline.defs import checks, contacts, failed, jobs, leads, raw, resources, schedules, sensors

defs = dg.Definitions.merge(
    *(module.definitions() for module in (resources, raw, contacts, leads, checks, jobs, schedules, sensors, failed))
)
