"""What a sync is to do, as tags and as configuration of the run that does it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from crm_pipeline.walk.connection import Connection
from crm_pipeline.web import dagster

PREVIEWED = 100
"""Leads of which a preview tells the changes; its totals count all."""


class Asked:
    """What a sync is to do, and whether one under way does it."""

    def __init__(self, strategy: str, preview_of: str | None, full: bool, force: bool, trigger: str) -> None:
        self.strategy, self.preview_of, self.full, self.force, self.trigger = strategy, preview_of, full, force, trigger

    @property
    def is_plain(self) -> bool:
        return self.strategy == "append" and not self.full and not self.force

    def tags(self) -> dict[str, str]:
        """What the runs page shows of it."""
        tags = {dagster.STRATEGY_TAG: self.strategy, dagster.TRIGGER_TAG: self.trigger}
        if self.strategy == "preview":
            tags[dagster.PREVIEW_OF_TAG] = self.preview_of or "append"
        if self.full:
            tags[dagster.FULL_TAG] = "true"
        if self.force:
            tags[dagster.FORCE_TAG] = "true"
        if self.trigger == "cron":
            tags[dagster.PRIORITY_TAG] = "-1"
        return tags

    def run_of(self, connection: Connection) -> tuple[str, dict[str, Any], list[list[str]]]:
        """The job that does it for one connection, its configuration, and the assets where it materializes some."""
        config: dict[str, Any] = {"connection_id": str(connection.id), "full": self.full, "force": self.force}
        if self.strategy == "preview":
            config |= {"preview_of": self.preview_of or "append", "limit": PREVIEWED}
            return dagster.PREVIEW_JOB, {"ops": {"preview_account": {"config": config}}}, []
        raw = ["raw", f"{connection.provider}_contacts"]
        config |= {"strategy": self.strategy}
        assets = [raw, ["contacts"], ["rejections"], ["leads"]]
        return dagster.SYNC_JOB, {"ops": {"__".join(raw): {"config": config}}}, assets

    def is_done_by(self, tags: Mapping[str, str]) -> bool:
        """Whether a run with these tags does all that is asked, and nothing that is not."""
        same = (dagster.STRATEGY_TAG, dagster.PREVIEW_OF_TAG, dagster.FORCE_TAG)
        ours = self.tags()
        is_full_enough = not self.full or dagster.FULL_TAG in tags
        return is_full_enough and all(ours.get(name) == tags.get(name) for name in same)
