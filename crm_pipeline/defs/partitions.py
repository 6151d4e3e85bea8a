"""The partition is the account: the tenant, which is also the boundary of matching."""

import dagster as dg

GROUP = "crm_to_leads"
"""One group, so that the graph opens with every asset in sight."""
ACCOUNTS = dg.DynamicPartitionsDefinition(name="accounts")
