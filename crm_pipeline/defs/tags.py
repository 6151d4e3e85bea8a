"""Tags of runs: what the runs page can be filtered by, what the queue goes by, and what they say of a run.

The queue's coordinator puts them on a run as it is submitted, however it was started; see `queue.py`.
"""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from crm_pipeline.packing import SEVERAL
from crm_pipeline.providers import PROVIDERS

ACCOUNT_TAG = "crm_pipeline/account"
PROVIDER_TAG = "crm_pipeline/provider"
STRATEGY_TAG = "crm_pipeline/strategy"
TRIGGER_TAG = "crm_pipeline/trigger"
SYNC_TAG = "crm_pipeline/sync"
"""Whose connection a run syncs, `acme/hubspot`; of these one runs at a time (`dagster.yaml`)."""
CONNECTION_TAG = "crm_pipeline/connection"
"""The one connection that a run is for, `crm_connections.id`: who asks for a sync that is under way joins it."""
SYNC_ID_TAG = "crm_pipeline/sync_id"
"""The id of the sync that a run for one connection makes, so that it can be asked for before its books are open."""
PARENT_TAG = "dagster/parent_run_id"
PRIORITY_TAG = "dagster/priority"
HOURLY, CONTINUED = {PRIORITY_TAG: "-1"}, {PRIORITY_TAG: "-2"}
"""What a person starts has priority 0 and goes first, and so does the first sync of a connection."""


def facts_of(run: dg.DagsterRun) -> dict[str, str]:
    """What can be told of a run from how it was submitted; tags that it has already stay as they are."""
    tags = run.tags
    facts = {TRIGGER_TAG: trigger_of(tags), STRATEGY_TAG: tags.get(STRATEGY_TAG) or _asked_strategy(run)}
    if account := tags.get("dagster/partition"):
        facts[ACCOUNT_TAG] = account
    providers = [name for name in PROVIDERS if raw_key(name) in (run.asset_selection or ())]
    if providers:
        facts[PROVIDER_TAG] = providers[0] if len(providers) == 1 else SEVERAL
    if account and len(providers) == 1:
        facts[SYNC_TAG] = f"{account}/{providers[0]}"
    return {name: value for name, value in facts.items() if name not in tags}


def trigger_of(tags: Mapping[str, str]) -> str:
    """What started the run, for the books and for the runs page."""
    if TRIGGER_TAG in tags:
        return tags[TRIGGER_TAG]
    if "dagster/schedule_name" in tags:
        return "schedule"
    return "sensor" if "dagster/sensor_name" in tags or "dagster/from_automation_condition" in tags else "manual"


def raw_key(provider: str) -> dg.AssetKey:
    """The raw asset of a CRM."""
    return dg.AssetKey(["raw", f"{provider}_contacts"])


def _asked_strategy(run: dg.DagsterRun) -> str:
    if run.job_name in ("preview", "rebuild"):
        return run.job_name
    config: Mapping[str, Any] = run.run_config if isinstance(run.run_config, Mapping) else {}
    ops: Mapping[str, Any] = config.get("ops") or {}
    asked = {op["config"].get("strategy") for op in ops.values() if isinstance(op, Mapping) and "config" in op}
    return next((strategy for strategy in asked if strategy), "append")
