"""A look into a store with SQL of the test's own."""

from __future__ import annotations

from typing import Any, NoReturn

from crm_pipeline.warehouse.session import Session


def look(session: Session, query: str) -> list[tuple[Any, ...]]:
    """All rows of a query."""
    return execute(session, query).fetchall()  # type: ignore[no-any-return]


def die_after(session: Session, query: str, error: BaseException) -> NoReturn:
    """Something goes wrong after a statement went well."""
    execute(session, query)
    raise error


def execute(session: Session, query: str) -> Any:
    """What the engine's own driver answers."""
    return session.execute(query)  # type: ignore[attr-defined]
