"""A bounded memory that threads share."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Generic, TypeVar

MOST = 1000

Key = TypeVar("Key")
Value = TypeVar("Value")


class Remembered(Generic[Key, Value]):
    """Values by key; of more than `most`, the one that was used longest ago is forgotten."""

    def __init__(self, most: int = MOST) -> None:
        self._values: OrderedDict[Key, Value] = OrderedDict()
        self._most, self._lock = most, threading.Lock()

    def put(self, key: Key, value: Value) -> None:
        """Remember a value instead of what the key had."""
        with self._lock:
            self._values[key] = value
            self._values.move_to_end(key)
            while len(self._values) > self._most:
                self._values.popitem(last=False)

    def get(self, key: Key) -> Value | None:
        """What was put in last, if it is still known."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
            return self._values.get(key)
