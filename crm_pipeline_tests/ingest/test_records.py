"""Raw records on their way to a table: what is a key, what can be stored, and that nothing at all stops a page."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import orjson
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.ingest.records import (
    CONTACT_SCHEMA,
    MAX_DEPTH,
    MAX_FIELD,
    MAX_KEY,
    MAX_ROW,
    REFERENCE_SCHEMA,
    SET_ASIDE_SCHEMA,
    TIME,
    Origin,
    RecordBatch,
    microseconds,
    payload_text,
    reference_table,
    usable_key,
)
from crm_pipeline.providers.provider import RawRecord, Reference

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ORIGIN = Origin("acme", "c0", "s0")


def landed(*records: RawRecord, at: datetime = NOON) -> dict[str, list[dict[str, Any]]]:
    """The rows of every table that these records become."""
    batch = RecordBatch(ORIGIN)
    for record in records:
        batch.add(record, at)
    return {kind: table.to_pylist() for kind, table in batch.flush()}


def contacts(*records: RawRecord) -> list[dict[str, Any]]:
    return landed(*records).get("contacts", [])


def aside(*records: RawRecord) -> list[dict[str, Any]]:
    return landed(*records).get("set_aside", [])


def a_record(crm_id: object = "1", **properties: Any) -> RawRecord:
    return RawRecord(crm_id, {"id": crm_id, "properties": properties}, "contact", NOON)


def nested(depth: int, leaf: object = "deep") -> Any:
    value = leaf
    for level in range(depth):
        value = {"down": value} if level % 2 else [value]
    return value


@pytest.mark.parametrize(
    ("value", "key"),
    [
        ("84012770145", "84012770145"),
        (84012770145, "84012770145"),
        (0, "0"),
        (-7, "-7"),
        (2**63, "9223372036854775808"),
        (10**40, "1" + "0" * 40),
        ("00Q5g00000AbCdE", "00Q5g00000AbCdE"),
        ("00042", "00042"),
        (" 42", " 42"),
        ("é", "é"),
        ("a" * MAX_KEY, "a" * MAX_KEY),
        ("true", "true"),
        ("null", "null"),
    ],
    ids=repr,
)
def test_a_key_is_kept_to_the_letter(value: object, key: str) -> None:
    assert usable_key(value) == key


@pytest.mark.parametrize(
    "value",
    [None, "", " ", "\t\n", "\u00a0", True, False, 1.0, 1e22, math.nan, math.inf, b"1", [], ["1"], {}, {"id": "1"},
     "a\x00b", "\ud800", "a" * (MAX_KEY + 1), 10**MAX_KEY],
    ids=lambda value: repr(value)[:20],
)  # fmt: skip
def test_what_is_no_key_sets_the_record_aside(value: object) -> None:
    assert usable_key(value) is None
    (row,) = aside(RawRecord(value, {"id": "?", "email": "a@x.example"}, "contact", NOON))
    assert row["reason"] == "unusable_key"
    assert "a@x.example" in row["sample"]


def test_ids_that_differ_by_case_spaces_or_zeros_are_different_records() -> None:
    ids: list[object] = ["aB", "ab", "AB", " ab", "ab ", "7", "07", "7 "]
    assert [row["crm_id"] for row in contacts(*map(a_record, ids))] == ids


def test_a_number_and_its_text_are_the_same_record() -> None:
    assert {row["crm_id"] for row in contacts(a_record(7), a_record("7"))} == {"7"}


def test_records_without_a_key_stay_apart_and_the_same_one_stays_one() -> None:
    first, second = RawRecord(None, {"email": "a@x.example"}), RawRecord(None, {"email": "b@x.example"})
    ids = [row["crm_id"] for row in aside(first, second, first)]
    assert len(set(ids)) == 2
    assert ids[0] == ids[2]


def test_a_bad_record_does_not_touch_its_neighbours() -> None:
    rows = landed(
        a_record("1"),
        a_record(None),
        a_record("2", note="\ud83d\x00"),
        a_record("3", note="x" * (5 << 20)),
        a_record("4"),
    )
    assert [row["crm_id"] for row in rows["contacts"]] == ["1", "2", "3", "4"]
    assert len(rows["set_aside"]) == 1


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("plain", "plain"),
        ("\ud83d cut in an emoji", "� cut in an emoji"),
        ("\ud83d\ude00", "😀"),
        ("a\x00b", "ab"),
        ("\\u0000 as six letters", "\\u0000 as six letters"),
        ("👨‍👩‍👧 ‏ עברית \uffff \ufeff", "👨‍👩‍👧 ‏ עברית \uffff \ufeff"),
        ("e" + "\u0301" * 2000, "e" + "\u0301" * 2000),
    ],
    ids=["plain", "lone surrogate", "pair", "nul", "backslash u", "marks", "combining flood"],
)
def test_text_arrives_as_it_is_or_as_near_as_can_be_stored(text: str, stored: str) -> None:
    (row,) = contacts(a_record(note=text))
    assert orjson.loads(row["payload"])["properties"]["note"] == stored


def test_bad_letters_in_the_name_of_a_field_are_replaced_too() -> None:
    (row,) = contacts(a_record(**{"no\ud800te\x00": "x"}))
    assert orjson.loads(row["payload"])["properties"] == {"no�te": "x"}


def test_a_field_of_one_megabyte_arrives_whole_and_a_longer_one_is_cut_and_says_so() -> None:
    whole, long = "a" * MAX_FIELD, "b" * (MAX_FIELD + 1)
    (row,) = contacts(a_record(whole=whole, long=long, short="c"))
    found = orjson.loads(row["payload"])["properties"]
    assert (found["whole"], found["short"]) == (whole, "c")
    assert found["long"].startswith("b" * MAX_FIELD)
    assert f"[cut: {MAX_FIELD + 1} characters, blake2b " in found["long"]


def test_two_long_fields_with_one_beginning_are_told_apart() -> None:
    """A change behind the cut has to change the record's hash."""
    rows = contacts(a_record(note="a" * MAX_FIELD + "x"), a_record(note="a" * MAX_FIELD + "y"))
    assert len({row["payload_hash"] for row in rows}) == 2


def test_one_field_of_five_megabytes_is_cut_and_lands() -> None:
    (row,) = contacts(a_record(note="x" * (5 << 20)))
    assert len(row["payload"]) < MAX_ROW


def test_a_record_of_five_megabytes_in_many_fields_is_set_aside() -> None:
    record = a_record(**{f"f{number}": "x" * 100_000 for number in range(52)})
    (row,) = aside(record)
    assert (row["crm_id"], row["reason"]) == ("1", "record_too_large")
    assert len(row["sample"]) <= 300
    assert contacts(record) == []


def test_depth_200_keeps_what_lies_above_the_floor() -> None:
    (row,) = contacts(a_record(deep=nested(200), flat="kept"))
    payload = orjson.loads(row["payload"])
    assert payload["properties"]["flat"] == "kept"
    assert f"[nested deeper than {MAX_DEPTH} levels]" in row["payload"]
    assert row["payload"].count("{") + row["payload"].count("[") <= 2 * MAX_DEPTH


def test_depth_up_to_the_floor_is_left_alone() -> None:
    payload = {"id": "1", "deep": nested(MAX_DEPTH - 2)}
    (row,) = contacts(RawRecord("1", payload))
    assert orjson.loads(row["payload"]) == payload


def test_ten_thousand_fields_arrive() -> None:
    (row,) = contacts(a_record(**{f"field_{number}": "x" for number in range(10_000)}))
    assert len(orjson.loads(row["payload"])["properties"]) == 10_000


def test_numbers_beyond_64_bits_arrive_as_text() -> None:
    (row,) = contacts(a_record(big=2**64, low=-(2**63) - 1, fits=2**64 - 1))
    assert orjson.loads(row["payload"])["properties"] == {
        "big": str(2**64),
        "low": str(-(2**63) - 1),
        "fits": 2**64 - 1,
    }


def test_the_same_payload_has_the_same_hash_and_another_has_another() -> None:
    hashes = [row["payload_hash"] for row in contacts(a_record(note="a"), a_record(note="a"), a_record(note="b"))]
    assert hashes[0] == hashes[1] != hashes[2]


def test_a_record_without_a_time_gets_none_but_that_of_its_fetch() -> None:
    (row,) = contacts(RawRecord("1", {}))
    assert (row["source_updated_at"], row["fetched_at"]) == (None, NOON)


@pytest.mark.parametrize("year", [1, 1900, 1970, 2025])
def test_every_year_of_the_past_arrives(year: int) -> None:
    moment = datetime(year, 6, 1, 1, 2, 3, 456_789, tzinfo=UTC)
    (row,) = contacts(RawRecord("1", {}, "contact", moment))
    assert row["source_updated_at"] == moment


@pytest.mark.parametrize(
    "ahead", [timedelta(minutes=10), timedelta(days=1), timedelta(days=2), timedelta(days=999_999)]
)
def test_a_time_far_ahead_is_fenced_at_a_day(ahead: timedelta) -> None:
    """The newest version wins, so a stamp of the year 9999 would freeze its contact."""
    (row,) = contacts(RawRecord("1", {}, "contact", NOON + ahead))
    assert row["source_updated_at"] == NOON + min(ahead, timedelta(days=1))


def test_other_zones_are_stored_in_utc() -> None:
    east = datetime(2026, 3, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    (row,) = contacts(RawRecord("1", {}, "contact", east))
    assert row["source_updated_at"] == NOON
    assert microseconds(east) == microseconds(NOON)


def test_every_row_says_whose_it_is() -> None:
    rows = landed(a_record("1"), a_record(None))
    for row in rows["contacts"] + rows["set_aside"]:
        assert (row["account_id"], row["connection_id"], row["sync_id"]) == ("acme", "c0", "s0")


def test_flushing_empties_the_batch() -> None:
    batch = RecordBatch(ORIGIN)
    batch.add(a_record("1"), NOON)
    batch.add(a_record(None), NOON)
    assert {kind for kind, _ in batch.flush()} == {"contacts", "set_aside"}
    assert list(batch.flush()) == []


def test_deleted_records_say_so() -> None:
    (row,) = contacts(RawRecord("1", {"id": "1"}, "contact", NOON, is_deleted=True))
    assert (row["is_deleted"], row["object_type"]) == (True, "contact")


def test_references_become_one_table() -> None:
    named = [Reference("owner", "7", "Jo \ud800Reed", "jo\x00@x.example"), Reference("status", "NEW", None)]
    table = reference_table(ORIGIN, named, NOON)
    assert table.schema == REFERENCE_SCHEMA
    assert [(row["crm_id"], row["label"], row["email"]) for row in table.to_pylist()] == [
        ("7", "Jo �Reed", "jo@x.example"),
        ("NEW", None, None),
    ]


def test_the_tables_have_the_columns_of_the_raw_schema() -> None:
    assert CONTACT_SCHEMA.names == [
        "account_id", "connection_id", "sync_id", "crm_id", "object_type", "source_updated_at", "is_deleted",
        "merged_into", "payload", "payload_hash", "fetched_at",
    ]  # fmt: skip
    assert {str(CONTACT_SCHEMA.field(name).type) for name in ("source_updated_at", "fetched_at")} == {str(TIME)}
    assert CONTACT_SCHEMA.field("is_deleted").type == pa.bool_()


WILD = st.text(st.characters(codec=None), max_size=8)  # every code point, halves of surrogate pairs too
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WILD,
    lambda inside: st.lists(inside, max_size=4) | st.dictionaries(WILD, inside, max_size=4),
    max_leaves=12,
)
PAYLOADS = st.dictionaries(WILD, JSON, max_size=5)
MOMENTS = st.none() | st.datetimes(timezones=st.just(UTC))


@given(key=JSON, payload=PAYLOADS, updated=MOMENTS, depth=st.integers(0, 400))
def test_any_json_lands_or_is_set_aside(
    key: object, payload: dict[str, Any], updated: datetime | None, depth: int
) -> None:
    """One record that raises would stop its page, and with it every later sync of the connection."""
    if depth > 200:
        payload = payload | {"deep": nested(depth)}
    batch = RecordBatch(ORIGIN)
    batch.add(RawRecord(key, payload, "contact", updated), NOON)
    tables = dict(batch.flush())
    assert len(tables) == 1
    schemas = {"contacts": CONTACT_SCHEMA, "set_aside": SET_ASIDE_SCHEMA}
    for kind, table in tables.items():
        assert table.schema == schemas[kind]
        table.validate(full=True)
        (row,) = table.to_pylist()
        texts = [value for value in row.values() if isinstance(value, str)]
        assert not [text for text in texts if "\x00" in text]
        assert row["crm_id"]
        if kind == "contacts":
            assert isinstance(orjson.loads(row["payload"]), dict)
            assert not re.search(r"(?<!\\)(\\\\)*\\u0000", row["payload"]), "PostgreSQL refuses it in JSON"


@given(PAYLOADS)
def test_what_is_storable_is_stored_unchanged(payload: dict[str, Any]) -> None:
    """Cleaning is for what cannot be stored, and for nothing else."""
    try:
        plain = orjson.dumps(payload)
    except TypeError:
        return
    if b"\\u0000" in plain:
        return
    text = payload_text(payload)
    assert text is not None
    assert orjson.loads(text) == orjson.loads(plain)


def test_a_record_as_deep_as_json_may_be_and_without_a_key_is_set_aside() -> None:
    """Its repr() is deeper than Python's own limit."""
    record = orjson.loads(b'{"id":null,"deep":' + b'{"a":' * 1000 + b"1" + b"}" * 1001)
    (row,) = aside(RawRecord(record["id"], record))
    assert row["reason"] == "unusable_key"


def test_no_value_is_lost_when_names_are_cleaned() -> None:
    text = payload_text({"id": "1", "properties": {"note": "first", "note\x00": "second"}})
    assert text is not None
    assert "first" in text
    assert "second" in text


@pytest.mark.parametrize("crm_id", ["7\x00", "7\ud800"], ids=["nul", "lone surrogate"])
def test_the_id_of_a_reference_is_storable(crm_id: str) -> None:
    """The value of an option is free text in a CRM, and PostgreSQL refuses NUL in text."""
    (row,) = reference_table(ORIGIN, [Reference("status", crm_id, "New")], NOON).to_pylist()
    assert "\x00" not in row["crm_id"]
