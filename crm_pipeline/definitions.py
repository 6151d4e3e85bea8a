"""The Dagster code location: what the modules of `defs/` offer, merged. Needs no secret and no network to load."""

from __future__ import annotations

import dagster as dg

from crm_pipeline.defs import contacts, jobs, leads, many, raw, resources, schedules, sensors

MODULES = (
    resources,
    raw,
    contacts,
    leads,
    jobs,
    many,
    schedules,
    sensors,
)
defs = dg.Definitions.merge(*(module.definitions() for module in MODULES))
