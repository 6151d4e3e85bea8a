"""The Dagster code location: what the modules of `defs/` offer, merged. Needs no secret and no network to load."""

from __future__ import annotations

import dagster as dg

from crm_pipeline.defs import (
    checks,
    contacts,
    failed,
    jobs,
    leads,
    maintenance,
    many,
    raw,
    resources,
    schedules,
    sensors,
)

MODULES = (resources, raw, contacts, leads, checks, jobs, many, schedules, sensors, failed, maintenance)

defs = dg.Definitions.merge(*(module.definitions() for module in MODULES))
