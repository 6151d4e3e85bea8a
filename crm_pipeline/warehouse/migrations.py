"""Numbered schema files, applied once each, in order, each in a transaction, and recorded in `schema_migrations`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from crm_pipeline.warehouse.statements import migration_files, split_statements

LEDGER = (
    "create table if not exists schema_migrations "
    "(name text primary key, applied_at timestamptz not null default now())"
)


class Migratable(Protocol):
    """What a migration needs from an open store."""

    engine: str

    def transaction(self) -> AbstractContextManager[None]: ...

    @property
    def execute(self) -> Callable[[str], Any]: ...


def apply_migrations(store: Migratable) -> list[str]:
    """Bring the schema up to date; returns the names of the files applied now, oldest first."""
    store.execute(LEDGER)
    done = {row[0] for row in store.execute("select name from schema_migrations").fetchall()}
    applied = []
    for path in migration_files(store.engine):
        if path.stem in done:
            continue
        with store.transaction():
            for text in split_statements(path.read_text(encoding="utf-8")):
                store.execute(text)
            store.execute(f"insert into schema_migrations (name) values ('{path.stem}')")
        applied.append(path.stem)
    return applied
