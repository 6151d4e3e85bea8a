"""Raw records become Arrow tables, checked first: a usable key, valid Unicode, bounded sizes. What fails is set aside
with a reason.

Arrow tables pass dlt without its row-by-row normalizing; the payload stays one JSON text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from pyarrow.lib import StringBuilder

from crm_pipeline.domain.text import clean_text
from crm_pipeline.providers.provider import Payload, Proven, RawRecord, Reference

MAX_KEY = 255
MAX_LABEL = 1000
MAX_DEPTH, FLAT = 32, 16
MAX_FIELD = 1 << 20
MAX_ROW = 4 << 20
"""Characters; a longer field is cut and says so, a longer record is set aside."""
MOST_AHEAD = timedelta(days=1)
"""How far a CRM's clock is believed to be ahead of ours."""
CAREFUL_ABOVE = 64 << 10
"""Payloads longer than this are looked through field by field."""

pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own pool keeps freed pages: 60 MB after a large pass
TIME = pa.timestamp("us", tz="UTC")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
CONTACT_SCHEMA = pa.schema(
    [
        ("account_id", pa.string()),
        ("connection_id", pa.string()),
        ("sync_id", pa.string()),
        ("crm_id", pa.string()),
        ("object_type", pa.string()),
        ("source_updated_at", TIME),
        ("is_deleted", pa.bool_()),
        ("merged_into", pa.string()),
        ("payload", pa.string()),
        ("payload_hash", pa.string()),
        ("fetched_at", TIME),
    ]
)
PASS_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("account_id", "connection_id", "sync_id")]
    + [("started_at", TIME), ("object_type", pa.string()), ("expected", pa.int64()), ("landed", pa.int64())]
)
SET_ASIDE_SCHEMA = pa.schema(
    [
        (name, pa.string())
        for name in ("account_id", "connection_id", "sync_id", "object_type", "crm_id", "reason", "sample")
    ]
    + [("fetched_at", TIME)]
)
REFERENCE_SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("account_id", "connection_id", "sync_id", "kind", "crm_id", "label", "email")]
    + [("fetched_at", TIME)]
)


@dataclass(frozen=True, slots=True)
class Origin:
    """Whose records these are, and which sync brought them."""

    account_id: str
    connection_id: str
    sync_id: str

    def columns(self, rows: int) -> list[pa.Array]:
        """The three columns that every raw table begins with."""
        values = (self.account_id, self.connection_id, self.sync_id)
        return [arrow_column([value] * rows, pa.string()) for value in values]


@dataclass(frozen=True, slots=True)
class SetAside:
    """A record that cannot be landed: which rule it broke, and enough of it to find it."""

    crm_id: str
    object_type: str
    reason: str
    sample: str
    fetched_at: datetime


@dataclass(slots=True)
class RecordBatch:
    """Checked records on their way to a table; `flush` empties it."""

    origin: Origin
    rows: list[tuple[Any, ...]] = field(default_factory=list)
    size: int = 0
    """Characters of the payloads gathered."""
    largest: int = 0
    """Characters of the largest payload so far."""
    set_aside: list[SetAside] = field(default_factory=list)

    def add(self, record: RawRecord, fetched_at: datetime) -> None:
        """Check one record and keep it, or set it aside."""
        crm_id = usable_key(record.crm_id)
        if crm_id is None:
            self._refuse(record, "unusable_key", fetched_at)
            return
        text = payload_text(record.payload)
        if text is None:
            self._refuse(record, "record_too_large", fetched_at)
            return
        digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        self.size += len(text)
        if len(text) > self.largest:
            self.largest = len(text)
        updated_at = record.source_updated_at
        if (
            updated_at is not None and updated_at > fetched_at
        ):  # the newest version wins, so a time far ahead must not win for ever
            updated_at = min(updated_at, fetched_at + MOST_AHEAD)
        times = microseconds(updated_at), microseconds(fetched_at)
        self.rows.append((crm_id, record.object_type, times[0], record.is_deleted, None, text, digest, times[1]))

    def flush(self) -> Iterator[tuple[str, pa.Table]]:
        """What has gathered, as (kind of table, table); empties the batch."""
        if self.rows:
            yield "contacts", _table(self.origin, CONTACT_SCHEMA, self.rows)
            self.rows, self.size = [], 0
        if self.set_aside:
            aside = [(s.object_type, s.crm_id, s.reason, s.sample, microseconds(s.fetched_at)) for s in self.set_aside]
            yield "set_aside", _table(self.origin, SET_ASIDE_SCHEMA, aside)
            self.set_aside = []

    def _refuse(self, record: RawRecord, reason: str, fetched_at: datetime) -> None:
        sample = (payload_text(record.payload) or "(too large)")[:300]
        digest = hashlib.blake2b(sample.encode(), digest_size=8).hexdigest()
        crm_id = usable_key(record.crm_id) or f"unusable-{digest}"
        self.set_aside.append(SetAside(crm_id, record.object_type, reason, sample, fetched_at))


def pass_table(
    origin: Origin,
    started_at: datetime,
    proven: Sequence[Proven] = (Proven("contact"),),
    *,
    landed: int | None = None,
) -> pa.Table:
    """The proof that a complete pass has shown every record of some object types, to be landed behind them.

    `landed` is how many records its sync has landed by then: the tables of a package are loaded one by one, so a proof
    may arrive where the records it is about were lost.
    """
    at = microseconds(started_at)
    return _table(origin, PASS_SCHEMA, [(at, object_type, expected, landed) for object_type, expected in proven])


def reference_table(origin: Origin, references: Sequence[Reference], fetched_at: datetime) -> pa.Table:
    """The references of a pass as one table."""
    at = microseconds(fetched_at)
    rows = [
        (*(clean_text(text)[:MAX_LABEL] if text else text for text in reference), at)
        for reference in references
        if len(reference.crm_id) <= MAX_KEY
    ]
    return _table(origin, REFERENCE_SCHEMA, rows)


def usable_key(value: object) -> str | None:
    """The record's id as exact text; only non-empty text and whole numbers are ids."""
    if isinstance(value, bool) or not isinstance(value, (str, int)):
        return None
    text = str(value)
    if text.isascii() and text.isalnum() and len(text) <= MAX_KEY:  # nearly every id
        return text
    return text if text.strip() and len(text) <= MAX_KEY and clean_text(text) == text else None


def payload_text(payload: Payload) -> str | None:
    """The payload as JSON text that every engine can store, or None when it is beyond all bounds."""
    try:
        encoded = orjson.dumps(payload)
    except (TypeError, orjson.JSONEncodeError):
        encoded = orjson.dumps(_cleaned(payload, 0), default=str)
    is_flat = encoded.count(b"{") <= FLAT and encoded.count(b"[") <= FLAT
    if not is_flat or len(encoded) > CAREFUL_ABOVE or b"\\u0000" in encoded:
        encoded = orjson.dumps(_cleaned(payload, 0), default=str)
    return encoded.decode() if len(encoded) <= MAX_ROW else None


def _cleaned(value: Any, depth: int) -> Any:
    """The value with storable text, long fields cut (their length and hash kept), and a floor to its depth."""
    if isinstance(value, str):
        return _bounded(clean_text(value))
    if depth >= MAX_DEPTH:
        return "[nested deeper than 32 levels]" if isinstance(value, (dict, list)) else value
    if isinstance(value, dict):
        return _cleaned_object(value, depth)
    if isinstance(value, list):
        return [_cleaned(item, depth + 1) for item in value]
    return str(value) if isinstance(value, int) and not -(2**63) <= value < 2**64 else value


def _cleaned_object(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    """Names that differ only by what cannot be stored stay apart."""
    cleaned: dict[str, Any] = {}
    for key, item in value.items():
        name = clean_text(str(key))
        while name in cleaned:
            name += "~"
        cleaned[name] = _cleaned(item, depth + 1)
    return cleaned


def _bounded(text: str) -> str:
    if len(text) <= MAX_FIELD:
        return text
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return f"{text[:MAX_FIELD]}… [cut: {len(text)} characters, blake2b {digest}]"


def microseconds(moment: datetime | None) -> int | None:
    """A time as Arrow keeps it: microseconds since 1970 in UTC.

    Arrow is ten times slower at reading aware datetimes.
    """
    if moment is None:
        return None
    since = moment - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def arrow_column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """One column of texts, numbers, flags, or times given as `microseconds`.

    Not `pa.array`: at its first list it imports pandas, a quarter of a second and 40 MB for nothing.
    """
    if pa.types.is_string(kind):
        builder = StringBuilder()
        builder.append_values(values)
        return builder.finish()
    known = None if None not in values else _bits([value is not None for value in values])
    if pa.types.is_boolean(kind):
        return pa.Array.from_buffers(kind, len(values), [known, _bits([bool(value) for value in values])])
    numbers = np.array([value or 0 for value in values], dtype=np.int16 if kind == pa.int16() else np.int64)
    return pa.Array.from_buffers(kind, len(values), [known, pa.py_buffer(numbers)])


def _bits(flags: Sequence[bool]) -> pa.Buffer:
    return pa.py_buffer(np.packbits(np.array(flags, dtype=bool), bitorder="little"))


def _table(origin: Origin, schema: pa.Schema, rows: list[tuple[Any, ...]]) -> pa.Table:
    own = origin.columns(len(rows))
    types = schema.types[len(own) :]
    data = [arrow_column(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
    return pa.Table.from_arrays(own + data, schema=schema)
