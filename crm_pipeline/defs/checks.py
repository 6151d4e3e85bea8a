"""The checks of `walk/checks.py` on the `leads` asset, one result per account.

A blocking one fails its run, so that nothing is built on wrong leads; a warning only shows.
"""

import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from crm_pipeline.defs.failures import translated
from crm_pipeline.defs.partitions import ACCOUNTS
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.syncs import LEADS
from crm_pipeline.defs.tables import markdown_table
from crm_pipeline.steps import system_now
from crm_pipeline.walk.checks import CHECKS, Check, Outcome, check_account


def spec_of(check: Check) -> dg.AssetCheckSpec:
    """The check as Dagster shows it. Partitioned, so that a healthy account does not hide a sick one."""
    with warnings.catch_warnings():  # Dagster calls partitioned checks a preview
        warnings.simplefilter("ignore", dg.PreviewWarning)
        return dg.AssetCheckSpec(
            check.name,
            asset=LEADS,
            description=f"{check.holds} {check.action}",
            blocking=check.is_blocking,
            partitions_def=ACCOUNTS,
        )


@dg.multi_asset_check(name="lead_checks", specs=[spec_of(check) for check in CHECKS], can_subset=True)
def lead_checks(context: dg.AssetCheckExecutionContext, crm: CrmPipeline) -> Iterator[dg.AssetCheckResult]:
    asked = {key.name for key in context.selected_asset_check_keys}
    for outcome in outcomes(crm, context.partition_key):
        if outcome.check.name in asked:
            yield result_of(outcome)


def outcomes(crm: CrmPipeline, account_id: str) -> list[Outcome]:
    """Every check of one account, also for a run that holds many accounts."""
    with translated(), crm.warehouse().session() as session:
        return check_account(session, account_id, now=system_now())


def result_of(outcome: Outcome) -> dg.AssetCheckResult:
    """What the asset's page tells of an outcome."""
    severity = dg.AssetCheckSeverity.ERROR if outcome.check.is_blocking else dg.AssetCheckSeverity.WARN
    return dg.AssetCheckResult(
        asset_key=LEADS,
        check_name=outcome.check.name,
        passed=outcome.passed,
        severity=severity,
        description=outcome.found if outcome.passed else f"{outcome.found} {outcome.action}",
        metadata=metadata_of(outcome),
    )


def evaluation_of(outcome: Outcome) -> dg.AssetCheckEvaluation:
    """The same for a run that is no run of the asset."""
    result = result_of(outcome)
    return dg.AssetCheckEvaluation(
        asset_key=LEADS,
        check_name=outcome.check.name,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
        blocking=outcome.check.is_blocking,
        partition=outcome.account_id,
    )


def metadata_of(outcome: Outcome) -> Mapping[str, Any]:
    """The count, what to do and a few offenders; ids alone, so no person's data is shown."""
    told: dict[str, Any] = {"account": outcome.account_id, "wrong": outcome.wrong}
    if not outcome.passed:
        told["what to do"] = outcome.action
    if outcome.examples:
        columns: Sequence[str] = tuple(outcome.examples[0])
        told["examples"] = dg.MetadataValue.md(markdown_table(columns, outcome.examples))
    return told


def definitions() -> dg.Definitions:
    return dg.Definitions(asset_checks=[lead_checks])
