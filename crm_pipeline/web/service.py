"""Everything that the API and the page both do: start syncs, look at them, connect and disconnect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from crm_pipeline.nango.connections import ConnectSession, NangoConnection
from crm_pipeline.settings import Settings
from crm_pipeline.walk.connection import Connection
from crm_pipeline.web.states import AccountStatus, StartedSync, SyncState


class Service:
    """One for the process; thread safe."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def start_sync(
        self,
        account_id: str,
        provider: str | None = None,
        strategy: str = "append",
        *,
        preview_of: str | None = None,
        full: bool = False,
        force: bool = False,
        trigger: str = "manual",
    ) -> list[StartedSync]:
        """A run for each active connection of the account, or of one CRM of it; what is under way already is joined."""
        raise NotImplementedError

    def sync_state(self, sync_id: UUID, account_id: str | None = None) -> SyncState | None:
        """How a sync stands; None when there is none of that id, or it is not the account's."""
        raise NotImplementedError

    def wait(self, sync_ids: Sequence[UUID], seconds: float) -> list[SyncState]:
        """How the syncs stand once all are over, or the time is."""
        raise NotImplementedError

    def preview_difference(self, sync_id: UUID, account_id: str | None = None) -> dict[str, Any] | None:
        """What a preview found, as `Difference.as_dict` tells it; None when it is not there."""
        raise NotImplementedError

    def connect_session(self, account_id: str, provider: str) -> ConnectSession:
        """A link for a person to connect the account's CRM."""
        raise NotImplementedError

    def connect(self, account_id: str, provider: str, nango_connection_id: str) -> tuple[Connection, StartedSync | None]:
        """Adopt a connection made at Nango, if it is the account's, and start its first sync."""
        raise NotImplementedError

    def find_new_connection(self, account_id: str, provider: str) -> NangoConnection | None:
        """The account's connection at Nango that we do not hold yet: what a page asks while a Connect window is open."""
        raise NotImplementedError

    def disconnect(self, account_id: str, provider: str, *, keep_at_nango: bool = False) -> list[Connection]:
        """Let go of the account's CRM; its leads stay."""
        raise NotImplementedError

    def status(self, account_id: str) -> AccountStatus:
        """The account's connections."""
        raise NotImplementedError
