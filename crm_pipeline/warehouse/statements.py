"""SQL lives in files under `sql/`, one statement each; this module finds them and turns them into what an engine takes.

A statement is named by its path without suffix (`transform/build_leads`). `x.postgres.sql` beside `x.sql` is the text
for PostgreSQL where the engines truly differ. Parameters are written `$name` and are always bound. The one identifier
that varies, `provider_contacts` (of schema `raw`), is replaced by a registered provider's own and nothing else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PARAMETER = re.compile(r"\$([a-z][a-z0-9_]*)")
COMMENT = re.compile(r"--[^\n]*")
PROVIDER_NAME = re.compile(r"[a-z][a-z0-9_]{0,30}")
RAW_TABLE = "provider_contacts"


@dataclass(frozen=True, slots=True)
class Statement:
    """One SQL text for one engine and the names of the parameters it takes."""

    name: str
    text: str
    parameters: tuple[str, ...]


@cache
def sql_folder() -> Path:
    """The `sql/` folder: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "sql", package.parent / "sql"):
        if (folder / "schema").is_dir():
            return folder
    raise FileNotFoundError(f"no sql/ folder beside or inside {package}; the installation is incomplete")


@cache
def statement(name: str, engine: str, provider: str | None = None) -> Statement:
    """The statement called `name` for `engine` ("duckdb" or "postgres")."""
    special = sql_folder() / f"{name}.{engine}.sql"
    path = special if special.is_file() else sql_folder() / f"{name}.sql"
    text = COMMENT.sub("", path.read_text(encoding="utf-8")).strip().rstrip(";")
    text = _with_raw_table(name, text, provider)
    parameters = tuple(dict.fromkeys(PARAMETER.findall(text)))
    if engine == "postgres":
        text = PARAMETER.sub(r"%(\1)s", text.replace("%", "%%"))
    return Statement(name, text, parameters)


def migration_files(engine: str) -> list[Path]:
    """The numbered schema files for `engine`, in order; `x.postgres.sql` is for PostgreSQL only."""
    files = sorted((sql_folder() / "schema").glob("[0-9]*.sql"))
    return [path for path in files if len(path.suffixes) == 1 or path.suffixes[0] == f".{engine}"]


def split_statements(text: str) -> list[str]:
    """The statements of a migration file; our migrations hold no semicolon inside a literal."""
    return [part.strip() for part in COMMENT.sub("", text).split(";") if part.strip()]


def _with_raw_table(name: str, text: str, provider: str | None) -> str:
    if RAW_TABLE not in text:
        return text
    if provider is None or not PROVIDER_NAME.fullmatch(provider):
        raise ValueError(f"statement {name} reads {RAW_TABLE} and needs the name of a provider, not {provider!r}")
    return text.replace(RAW_TABLE, f"{provider}_contacts")
