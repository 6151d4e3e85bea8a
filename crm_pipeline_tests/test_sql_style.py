"""Every file under `sql/` reads the same, and keeps to what both engines understand."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from crm_pipeline.warehouse.statements import split_statements, sql_folder

FILES = sorted(sql_folder().rglob("*.sql"))
LITERAL = re.compile(r"'(?:[^']|'')*'")
COMMENT = re.compile(r"--[^\n]*")
_KEYWORDS = """
    add all alter and any as asc between by case cast check coalesce column conflict constraint create cross
    current default delete desc distinct do else end except excluded exists false filter following foreign
    from full group having if in index inner insert intersect interval into is join key lateral left like
    limit materialized not null nulls offset on or order outer over partition preceding primary recursive
    references returning right row rows schema select set table temp temporary then timestamptz true
    unbounded union unique update using values view when where window with
"""
AVOIDED = {
    r"~": "the engines' regular expressions differ: use regexp_full_match or like",
    r"/": "DuckDB divides integers to a fraction, PostgreSQL does not",
    r"::": "casts are written cast(x as type)",
    r"[{}]": "statements are no templates",
    r"%s|%\(": "parameters are written $name",
    r"\t": "indent with spaces",
}
KEYWORDS = frozenset(_KEYWORDS.split())


def code_of(path: Path) -> str:
    """The SQL without its comments, each literal replaced by an empty one."""
    return LITERAL.sub("''", COMMENT.sub("", path.read_text(encoding="utf-8")))


def header_of(path: Path) -> str:
    """The comment the file opens with, as one line of text."""
    lines = itertools.takewhile(lambda line: line.startswith("--"), path.read_text(encoding="utf-8").splitlines())
    return " ".join(line.removeprefix("--").strip() for line in lines)


def named(paths: list[Path]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", paths, ids=[str(path.relative_to(sql_folder())) for path in paths])


def test_there_is_sql_to_look_at() -> None:
    assert len(FILES) > 30


@named(FILES)
def test_the_header_says_purpose_and_what_is_read_and_written(path: Path) -> None:
    header = header_of(path)
    assert re.match(r"[A-Z`].*?[.:?;)] .*?reads: \S", header), "a sentence on what it is for, then what it reads"
    assert re.search(r"(writes|grain): \S", header), "what it writes, or what one row of its answer is"


@named([path for path in FILES if "$" in code_of(path)])
def test_the_header_names_the_parameters(path: Path) -> None:
    _, found, said = re.sub(r"\([^)]*\)", "", header_of(path)).partition("parameters: ")
    assert found, "the header has no parameters:"
    names = {word.strip(" .") for word in said.split(",")}
    known = set(re.findall(r"\$([a-z][a-z0-9_]*)", code_of(path)))
    assert {name for name in names if re.fullmatch(r"[a-z0-9_]+", name)} <= known, "the header names one that is gone"


@named([path for path in FILES if not {"schema", "citus"} & set(path.parts)])
def test_a_file_holds_one_statement(path: Path) -> None:
    assert len(split_statements(code_of(path))) == 1
    assert not code_of(path).rstrip().endswith(";")


@named(FILES)
def test_its_code_keeps_to_what_both_engines_read_alike(path: Path) -> None:
    code = code_of(path)
    assert [why for pattern, why in AVOIDED.items() if re.search(pattern, code)] == []
    words = re.findall(r"[A-Za-z_][A-Za-z0-9_]*", code)
    assert [word for word in words if word != word.lower() and word.lower() in KEYWORDS] == []
    text = path.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if len(line) > 120 or line != line.rstrip()] == []
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
