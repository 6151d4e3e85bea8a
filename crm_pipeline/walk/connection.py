"""A row of `crm_connections` as the walk uses it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import md5
from typing import Any
from uuid import UUID, uuid5

import orjson

from crm_pipeline.errors import ConfigError
from crm_pipeline.nango.limits import DAY_SHARE, Rate

USUAL_RANK, MOST_RANK = 100, 1_000_000
CORRECT = "Correct it in the connection's metadata at Nango (key crm_pipeline), then sync again."
MAPPED = ("status", "stage", "description", "company")
"""The fields of a lead that a connection's `field_mapping` can fill from a field of the customer's choice."""
NAMESPACE = UUID("5f0c1c3a-1c2e-5d0c-9a6e-7d3b6f1f2b11")
"""Ids of connections and contacts are derived in this namespace, so that a store built anew bears the same ids."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One authorised CRM of one account."""

    id: UUID
    account_id: str
    provider: str
    nango_integration: str
    nango_connection_id: str
    state: str
    is_active: bool
    metadata: Mapping[str, Any] = field(default_factory=dict)
    last_synced_at: datetime | None = None
    last_error_code: str | None = None
    last_error_message: str | None = None
    last_error_action: str | None = None
    held_at: datetime | None = None
    """Since when a removal waits for a person's word."""
    unproven_at: datetime | None = None
    """Since when complete passes have shown fewer records than the CRM counts."""

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Connection:
        """From a row of `registry/connections`."""
        metadata = row["connection_metadata"]
        return cls(
            id=row["id"] if isinstance(row["id"], UUID) else UUID(row["id"]),
            account_id=row["account_id"],
            provider=row["provider"],
            nango_integration=row["nango_integration"],
            nango_connection_id=row["nango_connection_id"],
            state=row["state"],
            is_active=row["is_active"],
            metadata=orjson.loads(metadata) if isinstance(metadata, str) else (metadata or {}),
            last_synced_at=row["last_synced_at"],
            last_error_code=row["last_error_code"],
            last_error_message=row["last_error_message"],
            last_error_action=row["last_error_action"],
            held_at=row["held_at"],
            unproven_at=row["unproven_at"],
        )

    @property
    def label(self) -> str:
        """How a person names it: `acme/hubspot`."""
        return f"{self.account_id}/{self.provider}"

    @property
    def config(self) -> Mapping[str, Any]:
        """Nango's connection_config: what links into the CRM need."""
        return self.metadata.get("connection_config") or {}

    def check_settings(self) -> None:
        """Refuse settings at Nango that cannot be used, before anything is asked of the CRM."""
        if wrong := wrong_settings(self.metadata):
            raise ConfigError("invalid_setting", f"{self.label}: {'; '.join(wrong)}.", action=CORRECT)

    @property
    def field_mapping(self) -> Mapping[str, str]:
        """Our field to the CRM's own field that fills it, where the customer chose one."""
        return self.metadata.get("field_mapping") or {}

    @property
    def daily_budget(self) -> float:
        """The share of the CRM's daily calls after which we stop."""
        return float(self.metadata.get("daily_budget") or DAY_SHARE)

    def default_region(self, fallback: str) -> str:
        """The region of phones without a country: the connection's own, or the pipeline's."""
        return str(self.metadata.get("default_region") or fallback).upper()

    def rates(self, usual: Mapping[str, Rate]) -> Mapping[str, Rate]:
        """Calls per second by bucket.

        The provider's, or the connection's `requests_per_second` (a CRM plan that allows more).
        """
        own = self.metadata.get("requests_per_second")
        if not own:
            return usual
        return {bucket: Rate(float(own), max(1, int(own))) for bucket in usual}


def wrong_settings(settings: Mapping[str, Any]) -> list[str]:
    """What is wrong with a connection's settings at Nango, in words."""
    from crm_pipeline.domain.phone_plan import is_region

    rank, rate, region = (settings.get(key) for key in ("rank", "requests_per_second", "default_region"))
    wrong = []
    if rank is not None and rank_of(settings) != rank:
        wrong.append(f"rank must be a whole number from 0 to {MOST_RANK:,}, not {rank!r}")
    if rate is not None and not (isinstance(rate, (int, float)) and not isinstance(rate, bool) and 0 < rate < 1e6):
        wrong.append(f"requests_per_second must be a positive number, not {rate!r}")
    if region is not None and not (isinstance(region, str) and is_region(region.upper())):
        wrong.append(f"default_region must be the two letters of a country, not {region!r}")
    return wrong + wrong_mapping(settings.get("field_mapping")) + wrong_share(settings.get("daily_budget"))


def wrong_mapping(mapping: object) -> list[str]:
    """What is wrong with a `field_mapping`, in words."""
    if mapping is None:
        return []
    if not isinstance(mapping, dict):
        return [f"field_mapping must be an object, not {mapping!r}"]
    unknown = sorted(str(name) for name in mapping.keys() - set(MAPPED))
    wrong = [f"field_mapping can fill {', '.join(MAPPED)}, not {', '.join(unknown)}"] if unknown else []
    empty = sorted(name for name, source in mapping.items() if not isinstance(source, str) or not source.strip())
    return wrong + [f"field_mapping must name a field of the CRM for {name}" for name in empty]


def wrong_share(share: object) -> list[str]:
    """What is wrong with a `daily_budget`, in words."""
    if share is None or (isinstance(share, (int, float)) and not isinstance(share, bool) and 0 < share <= 1):
        return []
    return [f"daily_budget must be a share above 0 and up to 1, not {share!r}"]


def rank_of(settings: object) -> int:
    """How far a connection is trusted, lower is more; 100 where the settings say nothing usable."""
    rank = settings.get("rank") if isinstance(settings, Mapping) else None
    usable = isinstance(rank, int) and not isinstance(rank, bool) and 0 <= rank <= MOST_RANK
    return rank if usable else USUAL_RANK  # type: ignore[return-value]


def derived_connection_id(account_id: str, nango_integration: str, nango_connection_id: str) -> UUID:
    """The id a connection gets when an account is first seen with it; a reconnect keeps it."""
    return uuid5(NAMESPACE, f"connection\x1f{account_id}\x1f{nango_integration}\x1f{nango_connection_id}")


def contact_id(connection_id: str, object_type: str, crm_id: str) -> str:
    """The id of a contact, a UUID's 32 digits: the same for a record of a connection on every machine."""
    name = f"contact\x1f{connection_id}\x1f{object_type}\x1f{crm_id}"
    return md5(name.encode(), usedforsecurity=False).hexdigest()
