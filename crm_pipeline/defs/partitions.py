"""The partition is the account: the tenant, which is also the boundary of matching. And what all assets share."""

import dagster as dg

GROUP = "crm_to_leads"
"""One group, so that the graph opens with every asset in sight."""
OWNERS = ("team:data",)
ACCOUNTS = dg.DynamicPartitionsDefinition(name="accounts")
FOLLOWS = (
    dg.AutomationCondition.any_deps_updated().since_last_handled()
    & ~dg.AutomationCondition.any_deps_match(dg.AutomationCondition.newly_updated())
    & ~dg.AutomationCondition.in_progress()
).with_label("follows what landed outside a sync")
"""A sync writes raw rows, contacts and leads in one go. Where raw rows landed by themselves the rest follows, one look
later, when it is clear that no sync was about to. Plain `eager` would wait for CRMs that an account does not have."""
