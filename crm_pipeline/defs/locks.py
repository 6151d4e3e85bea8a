"""The locks of connections that a run keeps from one asset to the next.

The assets of a run are one sync of a connection: from the first that takes it up to the one that closes its books
nobody else may sync it, or it would find open books, take their owner for dead, and close them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from uuid import UUID

from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.database import Warehouse


class Locks:
    """What one run holds. The executor is one process, which does one asset after another."""

    def __init__(self) -> None:
        self._held: dict[UUID, ExitStack] = {}

    @contextmanager
    def held(self, warehouse: Warehouse, connection: Connection, *, wait: float, is_last: bool) -> Iterator[None]:
        """Hold a connection's lock, and keep it unless this is the last of it or ends with an error."""
        if connection.id not in self._held:
            with ExitStack() as taking:
                taking.enter_context(warehouse.connection_lock(connection.id, wait=wait, label=connection.label))
                self._held[connection.id] = taking.pop_all()
        goes_on = False
        try:
            yield
            goes_on = not is_last
        finally:
            if not goes_on:
                self._held.pop(connection.id).close()

    def release(self) -> None:
        """Let go of everything: the run is over, wherever it ended."""
        while self._held:
            self._held.popitem()[1].close()
