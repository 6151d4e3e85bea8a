"""Whose a connection is, and which CRM it reaches."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from crm_pipeline.errors import NangoError
from crm_pipeline.nango.connections import NangoConnection, account_of, to_connection


def a_row(**changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": 12,
        "connection_id": "7b0c",
        "provider_config_key": "hubspot-eu",
        "provider": "hubspot",
        "errors": [],
        "end_user": None,
        "tags": {"account_id": "acme"},
        "metadata": {},
        "created": "2026-01-02T03:04:05.678+00:00",
    }
    return row | changes


def an_end_user(organization: object = None, user_id: object = "user") -> dict[str, object]:
    return {"id": user_id, "email": None, "organization": organization}


@pytest.mark.parametrize(
    ("tags", "end_user", "account"),
    [
        ({"account_id": "a", "organization_id": "b", "end_user_id": "e"}, an_end_user({"id": "c"}), "a"),
        ({"organization_id": "b", "end_user_id": "e"}, an_end_user({"id": "c"}), "b"),
        ({"end_user_id": "e"}, an_end_user({"id": "c"}), "c"),
        ({"end_user_id": "e"}, an_end_user(), "user"),
        ({"end_user_id": "e"}, None, "e"),
        ({"account_id": " a "}, None, "a"),
        ({"account_id": " ", "organization_id": ""}, an_end_user({"id": None}, user_id=""), None),
        ({"account_id": 17}, None, "17"),
        ({"account_id": True}, None, None),
        ({"account_id": ["a"]}, None, None),
        ({"end_user_email": "x@example.com"}, None, None),
        ({}, None, None),
        (None, None, None),
        ([], "user", None),
    ],
)
def test_the_account_is_the_first_place_that_names_one(tags: object, end_user: object, account: str | None) -> None:
    assert account_of({"tags": tags, "end_user": end_user}) == account


def test_a_listed_connection_is_read_whole() -> None:
    row = a_row(errors=[{"type": "auth", "log_id": "x"}, {"type": "auth"}, {"type": "sync"}], metadata={"a": 1})
    assert to_connection(row) == NangoConnection(
        id=12,
        nango_connection_id="7b0c",
        nango_integration="hubspot-eu",
        nango_provider="hubspot",
        account_id="acme",
        metadata={"a": 1},
        connection_config={},
        errors=("auth", "sync"),
        created_at=datetime(2026, 1, 2, 3, 4, 5, 678_000, tzinfo=UTC),
    )


@pytest.mark.parametrize("value", [None, "", "yesterday", 17, "2026-01-02T03:04:05"])
def test_an_unreadable_time_is_no_time(value: object) -> None:
    assert to_connection(a_row(created=value)).created_at is None


@pytest.mark.parametrize("row", [None, [], {}, a_row(connection_id=None), a_row(provider_config_key="")])
def test_a_row_that_is_no_connection_is_refused(row: object) -> None:
    with pytest.raises(NangoError) as caught:
        to_connection(row)
    assert caught.value.code == "unexpected_response"


@pytest.mark.parametrize(("field", "value"), [("metadata", None), ("errors", None), ("connection_config", "x")])
def test_missing_parts_are_empty(field: str, value: object) -> None:
    assert not getattr(to_connection(a_row(**{field: value})), field)


def test_credentials_are_left_behind() -> None:
    connection = to_connection(a_row(credentials={"access_token": "tok-9"}, metadata={"k": "tok-9"}))
    assert "tok-9" not in repr(connection)
    assert not hasattr(connection, "credentials")
