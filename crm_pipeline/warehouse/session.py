"""What the walk needs from a store while it is open; DuckDB and PostgreSQL each implement it once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

Row = dict[str, Any]


class Session(Protocol):
    """An open store. Statements are named files of `sql/`; parameters are bound, never formatted in."""

    engine: str

    def run(self, name: str, /, *, raw_of: str | None = None, **parameters: object) -> int:
        """Execute a statement; the number of rows it wrote (0 for a definition)."""

    def rows(self, name: str, /, *, raw_of: str | None = None, **parameters: object) -> list[Row]:
        """All rows of a small result, as dictionaries; times are aware and in UTC."""

    def stream(
        self, name: str, /, *, batch: int = 10_000, raw_of: str | None = None, **parameters: object
    ) -> Iterator[list[tuple[Any, ...]]]:
        """A large result in lists of at most `batch` rows; nothing else may run on the session meanwhile."""

    def copy(self, table: str, tables: Iterable[pa.Table]) -> int:
        """Append Arrow tables, whose columns carry the names of `table`'s, as fast as the engine can."""

    def insert_objects(self, table: str, objects: Iterable[str]) -> int:
        """Append rows given as JSON objects by the names of `table`'s columns, also those that only the product knows.

        A column that an object does not name takes its default.
        """

    def transaction(self) -> AbstractContextManager[None]:
        """Commit when the block ends, roll back when it raises."""

    def ensure_raw(self, provider: str) -> None:
        """The raw table of a provider exists afterwards."""

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Keep other processes out of a piece of work that must not be done twice at once, such as changing tables."""

    def expect_rows(self, average: float, largest: float) -> None:
        """Make room for rows of that many bytes; an engine works on some thousand of them at once."""

    def drop_temporary(self) -> None:
        """Drop the temporary tables that an earlier step of this session left."""

    def lock_account(self, account_id: str) -> None:
        """Inside a transaction: wait until no other writer of this account's leads is at work."""

    def migrate(self) -> list[str]:
        """Apply what is missing of `sql/schema/`, each file in a transaction; the names applied."""

    def dlt_credentials(self) -> object:
        """What dlt's destination of this engine takes as credentials while this session is open."""

    def tidy(self) -> None:
        """Give room back that deleted rows left, and learn anew how many rows there are of what. In no transaction."""

    def size(self) -> int:
        """Bytes that the store takes on disk."""
