"""From files under `sql/` to what an engine takes: parameters bound, text escaped, and one identifier replaced."""

from __future__ import annotations

import re

import pytest

from crm_pipeline.warehouse.statements import migration_files, split_statements, sql_folder, statement

FOLDER = sql_folder()
NAMES = sorted(
    {
        str(path.relative_to(FOLDER)).split(".")[0]
        for path in FOLDER.rglob("*.sql")
        if path.relative_to(FOLDER).parts[0] != "schema"
    }
)
ENGINES = ["duckdb", "postgres"]
PLACEHOLDER = re.compile(r"%\((\w+)\)s")


def exists(name: str, engine: str) -> bool:
    return (FOLDER / f"{name}.sql").is_file() or (FOLDER / f"{name}.{engine}.sql").is_file()


CASES = [(name, engine) for name in NAMES for engine in ENGINES if exists(name, engine)]


@pytest.mark.parametrize(("name", "engine"), CASES)
def test_every_file_loads_and_every_parameter_is_bound(name: str, engine: str) -> None:
    raw = next(path for path in (FOLDER / f"{name}.{engine}.sql", FOLDER / f"{name}.sql") if path.is_file()).read_text()
    query = statement(name, engine, "hubspot" if "provider_contacts" in raw else None)
    code = re.sub(r"--[^\n]*", "", raw)
    assert sorted(query.parameters) == sorted(set(re.findall(r"\$(\w+)", code)))
    if engine == "postgres":
        assert sorted(set(PLACEHOLDER.findall(query.text))) == sorted(query.parameters)
        assert "$" not in query.text
        assert re.fullmatch(r"(?:[^%]|%%|%\(\w+\)s)*", query.text), "psycopg reads every other % as a placeholder"
    else:
        assert sorted(set(re.findall(r"\$(\w+)", query.text))) == sorted(query.parameters)
    assert "provider_contacts" not in query.text
    assert "--" not in query.text
    assert not query.text.endswith(";")


def test_only_what_postgres_needs_exists_for_postgres_alone() -> None:
    """DuckDB has to get an answer for every statement that is run on both."""
    alone = {name for name in NAMES if not exists(name, "duckdb")}
    assert alone == {"transform/land/index_raw_contacts", "transform/land/index_raw_syncs"}


def test_parameters_are_named_once_in_the_order_they_appear() -> None:
    parameters = statement("registry/note_failure", "duckdb").parameters
    assert parameters == ("code", "message", "action", "now", "account_id", "id")


def test_comments_are_left_out() -> None:
    header = (FOLDER / "transform" / "contacts" / "read_payloads.sql").read_text().splitlines()[0]
    assert header.startswith("--")
    assert header not in statement("transform/contacts/read_payloads", "duckdb", "hubspot").text


def test_the_raw_table_is_that_of_the_provider() -> None:
    text = statement("transform/contacts/read_payloads", "duckdb", "hubspot").text
    assert "raw.hubspot_contacts" in text
    index = statement("transform/land/index_raw_contacts", "postgres", "hubspot").text
    assert "hubspot_contacts_key on raw.hubspot_contacts" in index


@pytest.mark.parametrize(
    "provider",
    [None, "", "HubSpot", "hub-spot", "hub spot", "1hub", "_hub", "hub;drop table leads", 'hub"', "hub'", "hub.spot",
     "húb", "h" * 32, "hubspot\n", "hubspot_contacts --"],
    ids=repr,
)  # fmt: skip
def test_anything_but_a_plain_provider_name_is_refused(provider: str | None) -> None:
    with pytest.raises(ValueError, match="name of a provider"):
        statement("transform/contacts/read_payloads", "duckdb", provider)


def test_a_statement_that_reads_no_raw_table_ignores_the_provider() -> None:
    assert statement("books/run", "duckdb", "whatever else").text == statement("books/run", "duckdb").text


@pytest.mark.parametrize("engine", ENGINES)
def test_an_unknown_statement_is_an_error(engine: str) -> None:
    with pytest.raises(FileNotFoundError):
        statement("reports/no_such_report", engine)


def test_schema_files_are_numbered_in_order_and_no_number_is_used_twice() -> None:
    """A number may have a file for all engines and one that each engine has in its own words."""
    own: dict[str, set[str]] = {}
    for engine in ENGINES:
        files = migration_files(engine)
        assert [path.name[:4] for path in files] == sorted(path.name[:4] for path in files)
        for is_own in (False, True):
            numbers = [path.name[:4] for path in files if (len(path.suffixes) > 1) == is_own]
            assert len(numbers) == len(set(numbers))
        own[engine] = {path.name.partition(".")[0] for path in files if len(path.suffixes) > 1}
    assert own["postgres"] - own["duckdb"] == {"0008_indexes", "0016_lead_ids", "0018_latest_leads"}
    assert own["duckdb"] <= own["postgres"]


def test_schema_files_are_split_at_their_semicolons() -> None:
    assert split_statements("-- a; b\ncreate table a (x int); -- c\n\ncreate table b (y int);\n") == [
        "create table a (x int)",
        "create table b (y int)",
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_schema_files_hold_no_semicolon_in_a_literal_and_no_parameter(engine: str) -> None:
    for path in migration_files(engine):
        text = re.sub(r"--[^\n]*", "", path.read_text())
        assert not [literal for literal in re.findall(r"'(?:[^']|'')*'", text) if ";" in literal]
        assert "$" not in text
        assert split_statements(text)
