"""The check that every connection is synced: red while one fails, whichever run finds out."""

import dagster as dg

from crm_pipeline.defs.syncs import LEADS
from crm_pipeline.defs.tables import markdown_table
from crm_pipeline.errors import ACTIONS
from crm_pipeline.warehouse.session import Session

SYNCED = "every_connection_synced"
"""The check that is red while a connection fails."""
FAILING_SHOWN = 20
FAILING_COLUMNS = ("account", "crm", "code", "what it met", "what to do", "last synced")
SYNCED_SPEC = dg.AssetCheckSpec(
    SYNCED,
    asset=LEADS,
    description=(
        "The last sync of every active connection of every account succeeded. Red while one fails: the result says "
        "which, what it met and what to do. The others go on meanwhile. It is of all accounts at once, so that a "
        "healthy account, synced a moment later, does not hide a sick one."
    ),
)


def synced_check(session: Session) -> dg.AssetCheckResult:
    """Whether the last sync of every active connection succeeded; those that failed, with what to do."""
    rows = session.rows("reports/failing_connections", row_limit=FAILING_SHOWN)
    connections, failing = (rows[0]["connections"], rows[0]["failing"]) if rows else (0, 0)
    rows = [row for row in rows if row["code"] is not None]
    if not failing:
        found = f"The last sync of each of {connections:,} connections succeeded."
        return dg.AssetCheckResult(
            asset_key=LEADS, check_name=SYNCED, passed=True, description=found, metadata={"failing": 0}
        )
    named = ", ".join(f"{row['account_id']}/{row['provider']} ({row['code']})" for row in rows)
    shown = [
        dict(
            zip(
                FAILING_COLUMNS,
                (
                    row["account_id"],
                    row["provider"],
                    row["code"],
                    row["last_error_message"] or "Nango can no longer renew the access to the CRM.",
                    row["last_error_action"] or ACTIONS[row["code"]],
                    f"{row['last_synced_at']:%Y-%m-%d %H:%M} UTC" if row["last_synced_at"] else "never",
                ),
                strict=True,
            )
        )
        for row in rows
    ]
    return dg.AssetCheckResult(
        asset_key=LEADS,
        check_name=SYNCED,
        passed=False,
        description=f"{failing:,} of {connections:,} connections fail: {named}{', …' if failing > len(rows) else ''}.",
        metadata={
            "failing": failing,
            "connections that fail": dg.MetadataValue.md(markdown_table(FAILING_COLUMNS, shown, width=400)),
        },
    )


def as_evaluation(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """The result of a check as a run tells it that is no run of the asset."""
    return dg.AssetCheckEvaluation(
        asset_key=LEADS,
        check_name=SYNCED,
        passed=result.passed,
        description=result.description,
        metadata=result.metadata,
    )
