"""The partition is the account: the tenant, which is also the boundary of matching."""

import dagster as dg

ACCOUNTS = dg.DynamicPartitionsDefinition(name="accounts")
