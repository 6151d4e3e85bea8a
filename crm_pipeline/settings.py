"""What the operator decides: read once from the environment and a `.env` file, checked as a whole, never changed after.

Secrets are wrapped so that no log line, traceback or `repr` shows them. Nothing here opens a file of the store or a
connection; a setting that is well formed but wrong (a key Nango does not know) is found by whoever uses it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TypeVar
from urllib.parse import SplitResult, parse_qs, urlsplit

from crm_pipeline.errors import ConfigError

NAMES = (
    "NANGO_SECRET_KEY",
    "NANGO_HOST",
    "NANGO_WEBHOOK_SIGNING_KEY",
    "CRM_WAREHOUSE",
    "CRM_DATA_DIR",
    "CRM_DEFAULT_REGION",
    "CRM_SYNC_RUNS",
    "CRM_SYNC_AT_ONCE",
    "CRM_DAGSTER_URL",
    "CRON_SECRET",
    "CRM_API_TOKEN",
    "CRM_NOTICE_EMAIL",
    "CRM_SMTP_URL",
    "CRM_NOTICE_WEBHOOK",
)
"""Every variable read here."""

DEFAULT_HOST = "https://api.nango.dev"
DEFAULT_DAGSTER = "http://127.0.0.1:3000"
DEFAULT_WAREHOUSE = "duckdb:///.crm/crm.duckdb"
DEFAULT_DATA_DIR = ".crm"
DEFAULT_REGION = "US"
DEFAULT_RUNS, MOST_RUNS = 4, 100
"""Runs that the schedule shares its connections out to: a run costs seconds, what it does for a connection does not."""
DEFAULT_AT_ONCE, MOST_AT_ONCE = 8, 32
"""Connections that one run fetches side by side."""

CRON_SECRET_LENGTH = 32
TOKEN_LENGTH = 16
TOKEN_DISTINCT = 6
"""A token of fewer different characters is a placeholder such as `xxxxxxxxxxxxxxxx`."""

_REGIONS = """
    AC AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BW BY BZ
    CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM
    FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE
    JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN
    MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PR PS PT
    PW PY QA RE RO RS RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TG TH TJ TK
    TL TM TN TO TR TT TV TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW
"""
REGIONS = frozenset(_REGIONS.split())
"""The ISO 3166 regions that have a telephone numbering plan: a phone can only be read in one of these."""

_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
_VISIBLE = re.compile(r"[!-~]+")
_ADDRESS = re.compile(r"[^@\s,;:<>()\[\]\\\"]+@[A-Za-z0-9.-]+")
_PASSWORD = re.compile(r"(?<=//)([^:/@]*):.*@")
_QUERY_PASSWORD = re.compile(r"(?i)((?:ssl)?password=)[^&]*")


T = TypeVar("T")
D = TypeVar("D")


class Secret:
    """A value that prints as `***`; `reveal()` is the one way to its text."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself, for the call that needs it."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    def __str__(self) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Settings:
    """One consistent set of settings; `from_environment` is how a command gets its own."""

    nango_secret_key: Secret | None = None
    nango_host: str = DEFAULT_HOST
    nango_webhook_signing_keys: tuple[Secret, ...] = ()
    warehouse: str = DEFAULT_WAREHOUSE
    data_dir: Path = Path(DEFAULT_DATA_DIR)
    default_region: str = DEFAULT_REGION
    sync_runs: int = DEFAULT_RUNS
    sync_at_once: int = DEFAULT_AT_ONCE
    dagster_url: str = DEFAULT_DAGSTER
    cron_secret: Secret | None = None
    api_token: Secret | None = None
    notice_email: tuple[str, ...] = ()
    smtp_url: Secret | None = None
    notice_webhook: Secret | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] | None = None, dotenv: Path | None = None) -> Settings:
        """Read `environ` (default: the process's) over the file `dotenv` (default: `.env` in the current folder).

        Raises one `ConfigError` that names every wrong setting. An empty value counts as not set.
        """
        found = _read_dotenv(Path(".env") if dotenv is None else dotenv)
        found |= {name: text for name, text in (os.environ if environ is None else environ).items() if name in NAMES}
        form = _Form({name: text.strip() for name, text in found.items() if text.strip()})
        settings = cls(
            nango_secret_key=form.read("NANGO_SECRET_KEY", _nango_key, None),
            nango_host=form.read("NANGO_HOST", _host, DEFAULT_HOST),
            nango_webhook_signing_keys=form.read("NANGO_WEBHOOK_SIGNING_KEY", _signing_keys, ()),
            warehouse=form.read("CRM_WAREHOUSE", _warehouse, DEFAULT_WAREHOUSE),
            data_dir=form.read("CRM_DATA_DIR", _data_dir, Path(DEFAULT_DATA_DIR)),
            default_region=form.read("CRM_DEFAULT_REGION", _region, DEFAULT_REGION),
            sync_runs=form.read("CRM_SYNC_RUNS", _up_to(MOST_RUNS), DEFAULT_RUNS),
            sync_at_once=form.read("CRM_SYNC_AT_ONCE", _up_to(MOST_AT_ONCE), DEFAULT_AT_ONCE),
            dagster_url=form.read("CRM_DAGSTER_URL", _dagster_url, DEFAULT_DAGSTER),
            cron_secret=form.read("CRON_SECRET", _cron_secret, None),
            api_token=form.read("CRM_API_TOKEN", _api_token, None),
            notice_email=form.read("CRM_NOTICE_EMAIL", _addresses, ()),
            smtp_url=form.read("CRM_SMTP_URL", _smtp_url, None),
            notice_webhook=form.read("CRM_NOTICE_WEBHOOK", _webhook, None),
        )
        form.need_both("CRM_NOTICE_EMAIL", "CRM_SMTP_URL")
        form.finish()
        return settings

    def require_nango(self) -> str:
        """The key for Nango's API; without one there is only the sandbox, and the error says how to get it."""
        if self.nango_secret_key is None:
            raise ConfigError(
                "invalid_setting",
                "NANGO_SECRET_KEY is not set; without it only the sandbox can be used.",
                action="Set NANGO_SECRET_KEY to the API key of your Nango environment. To try without an account, run "
                "`crm-pipeline sandbox` and set the two lines it prints.",
                settings=("NANGO_SECRET_KEY",),
            )
        return self.nango_secret_key.reveal()

    @property
    def masked_warehouse(self) -> str:
        """The store's URL for people and logs, its password hidden."""
        return _QUERY_PASSWORD.sub(r"\1***", _PASSWORD.sub(r"\1:***@", self.warehouse))

    def __repr__(self) -> str:
        shown = {field.name: getattr(self, field.name) for field in fields(self)} | {"warehouse": self.masked_warehouse}
        return f"Settings({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


class _Form:
    """The values as given, and what is wrong with them, collected until `finish`."""

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._wrong: dict[str, str] = {}

    def read(self, name: str, parse: Callable[[str], T], default: D) -> T | D:
        text = self._given.get(name)
        if text is None:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self._wrong[name] = str(error)
            return default

    def need_both(self, one: str, other: str) -> None:
        """Two settings that mean nothing without each other."""
        for name, missing in ((one, other), (other, one)):
            if name in self._given and missing not in self._given:
                self._wrong.setdefault(missing, f"must be set where {name} is")

    def finish(self) -> None:
        if not self._wrong:
            return
        reasons = "; ".join(f"{name} {reason}" for name, reason in self._wrong.items())
        count = "A setting is" if len(self._wrong) == 1 else f"{len(self._wrong)} settings are"
        raise ConfigError("invalid_setting", f"{count} wrong: {reasons}.", settings=tuple(self._wrong))


def _nango_key(text: str) -> Secret:
    if not _UUID4.fullmatch(text):
        raise ValueError("must be a UUID of version 4, as Nango shows it in Environment Settings")
    return Secret(text)


def _host(text: str) -> str:
    url = _url_parts(text)
    if url is None or url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("must be an address such as https://api.nango.dev")
    if url.username is not None or url.password is not None:
        raise ValueError("must not carry a user name or password")
    if url.path.strip("/") or url.query or url.fragment:
        raise ValueError("must end after the host and port, without a path")
    return f"{url.scheme}://{url.netloc}"


def _dagster_url(text: str) -> str:
    url = _url_parts(text)
    if url is None or url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("must be the address of Dagster's webserver, such as http://127.0.0.1:3000")
    if url.username is not None or url.password is not None or url.query or url.fragment:
        raise ValueError("must not carry a user name, a password or a query")
    return f"{url.scheme}://{url.netloc}{url.path.rstrip('/')}"


def _signing_keys(text: str) -> tuple[Secret, ...]:
    keys = [key.strip() for key in text.split(",") if key.strip()]
    if not keys or not all(_VISIBLE.fullmatch(key) for key in keys):
        raise ValueError("must be one key, or several separated by commas while rotating, without spaces")
    return tuple(Secret(key) for key in keys)


def _warehouse(text: str) -> str:
    if text.startswith("duckdb:"):
        return _duckdb(text)
    url = _url_parts(text)
    if url is None or url.scheme not in ("postgresql", "postgres"):
        raise ValueError("must be duckdb:///file.duckdb or postgresql://user@host/database")
    if not url.path.strip("/"):
        raise ValueError("must name a database: postgresql://user@host/database")
    return "postgresql" + text[text.index(":") :]


def _duckdb(text: str) -> str:
    file = text.removeprefix("duckdb:///")
    if file in ("", text) or file.endswith("/"):
        raise ValueError("must be duckdb:///file.duckdb (in the current folder) or duckdb:////folder/file.duckdb")
    if file == ":memory:":
        raise ValueError("must be a file: a store in memory would be empty again for every command")
    return text


def _data_dir(text: str) -> Path:
    folder = Path(text).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ValueError("must be a folder, and is a file")
    return folder


def _region(text: str) -> str:
    region = text.upper()
    if region not in REGIONS:
        raise ValueError("must be the two letters of a country, such as US, GB or DE")
    return region


def _up_to(most: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= most):
            raise ValueError(f"must be a whole number from 1 to {most}")
        return int(text)

    return number


def _cron_secret(text: str) -> Secret:
    if len(text) < CRON_SECRET_LENGTH or not _VISIBLE.fullmatch(text):
        raise ValueError(f"must be at least {CRON_SECRET_LENGTH} visible ASCII characters")
    return Secret(text)


def _api_token(text: str) -> Secret:
    if len(text) < TOKEN_LENGTH or len(set(text)) < TOKEN_DISTINCT or not _VISIBLE.fullmatch(text):
        raise ValueError(f"must be at least {TOKEN_LENGTH} visible ASCII characters that cannot be guessed")
    return Secret(text)


def _addresses(text: str) -> tuple[str, ...]:
    found = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not found or not all(_ADDRESS.fullmatch(part) for part in found):
        raise ValueError("must be one e-mail address, or several separated by commas")
    return found


def _smtp_url(text: str) -> Secret:
    url = _url_parts(text)
    if url is None or url.scheme not in ("smtp", "smtps") or not url.hostname:
        raise ValueError("must be smtp://user:password@host:587?from=crm@example.com, or smtps://…")
    sender = parse_qs(url.query, keep_blank_values=True)
    if url.path.strip("/") or url.fragment or sender.keys() - {"from"}:
        raise ValueError("must end after the host and port, but for ?from=address")
    if any(not _ADDRESS.fullmatch(address) for address in sender.get("from", ())):
        raise ValueError("must name one e-mail address after ?from=")
    return Secret(text)


def _webhook(text: str) -> Secret:
    url = _url_parts(text)
    if url is None or url.scheme not in ("http", "https") or not url.hostname:
        raise ValueError("must be the address of a webhook, such as https://hooks.slack.com/services/…")
    return Secret(text)


def _url_parts(text: str) -> SplitResult | None:
    """The parts of a well-formed URL, its port included; None for anything else."""
    try:
        url = urlsplit(text)
        url.port  # noqa: B018  reading it checks it
    except ValueError:
        return None
    return url if _VISIBLE.fullmatch(text) else None


def _read_dotenv(path: Path) -> dict[str, str]:
    """What the file says about our settings; no file says nothing."""
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    try:
        values = dotenv_values(path, interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("invalid_setting", f"The file {path} cannot be read: {type(error).__name__}.") from error
    return {name: text for name, text in values.items() if name in NAMES and text is not None}
