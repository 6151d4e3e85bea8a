"""The job of the hourly schedule and of a refresh: one account's contacts from the CRM to the leads."""

import dagster as dg

SYNC = dg.define_asset_job(
    name="sync_connection",
    selection=dg.AssetSelection.assets("leads").upstream(),
    description="Pull an account's contacts, clean them, and bring its leads up to date.",
)


def definitions() -> dg.Definitions:
    return dg.Definitions(jobs=[SYNC])
