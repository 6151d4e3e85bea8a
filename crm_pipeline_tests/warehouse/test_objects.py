"""Rows that were kept as JSON come back into their table as they were; and a rehearsal leaves nothing."""

from __future__ import annotations

import pytest

from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.warehouse.looking import execute, look

MADE = (
    'create table leads_of_a_product (account_id text not null, id uuid not null, "odd ""name" text, seen timestamptz, '
    "price decimal(9, 2), tags text[], extra json, is_vip boolean, born date, note text default 'none', "
    "primary key (account_id, id))"
)
WRITTEN = (
    "insert into leads_of_a_product values ('a', '00000000-0000-4000-8000-000000000001', 'x\"y', "
    "timestamptz '2026-02-02 01:02:03.000004+00', 1.25, array['a', 'b c'], '{\"k\":[1]}', true, date '2026-01-01', "
    "'Ü''\\'), ('a', '00000000-0000-4000-8000-000000000002', null, null, null, null, null, null, null, null)"
)
KEPT = "select cast(to_json(l) as text) from leads_of_a_product l order by id"


def test_rows_kept_as_json_come_back_as_they_were(store: Warehouse) -> None:
    with store.session() as session:
        execute(session, MADE)
        execute(session, WRITTEN)
        before = look(session, "select * from leads_of_a_product order by id")
        kept = [text for (text,) in look(session, KEPT)]
        execute(session, "delete from leads_of_a_product")
        assert session.insert_objects("leads_of_a_product", kept) == 2
        assert look(session, "select * from leads_of_a_product order by id") == before


def test_a_column_that_came_later_takes_its_default_and_one_that_is_gone_is_left_out(store: Warehouse) -> None:
    with store.session() as session:
        execute(session, "create table things (id integer, gone text, note text default 'none')")
        kept = ['{"id": 1, "gone": "x"}', '{"id": 2, "note": null}', '{"id": 3, "unknown": 1}']
        session.insert_objects("things", kept)
        assert look(session, "select id, note from things order by id") == [(1, "none"), (2, None), (3, "none")]
        execute(session, "alter table things drop column gone")
        assert session.insert_objects("things", ['{"id": 4, "gone": "x"}']) == 1


def test_a_rehearsal_gives_its_answer_and_leaves_nothing(store: Warehouse) -> None:
    with store.session() as session:
        execute(session, "create table things (id integer)")

    def work(session: object) -> int:
        execute(session, "insert into things values (1)")  # type: ignore[arg-type]
        return len(look(session, "select * from things"))  # type: ignore[arg-type]

    assert store.rehearse(work) == 1
    with store.session() as session:
        assert look(session, "select * from things") == []


def test_a_rehearsal_that_fails_says_so(store: Warehouse) -> None:
    with pytest.raises(ZeroDivisionError):
        store.rehearse(lambda session: 1 // 0)
