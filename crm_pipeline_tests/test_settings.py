"""Settings: defaults, the `.env` file, every wrong value named at once, and no secret ever shown."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import phonenumbers
import pytest

import crm_pipeline
from crm_pipeline.errors import ConfigError
from crm_pipeline.settings import NAMES, REGIONS, Secret, Settings

KEY = "6f1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
LONG = "0123456789abcdef0123456789abcdef"


def settings(**environ: str) -> Settings:
    return Settings.from_environment(environ)


def refused(**environ: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        settings(**environ)
    assert caught.value.code == "invalid_setting"
    return caught.value


def test_nothing_set_gives_the_published_defaults() -> None:
    assert settings() == Settings(
        nango_secret_key=None,
        nango_host="https://api.nango.dev",
        nango_webhook_signing_keys=(),
        warehouse="duckdb:///.crm/crm.duckdb",
        data_dir=Path(".crm"),
        default_region="US",
        sync_runs=4,
        sync_at_once=8,
        cron_secret=None,
        api_token=None,
    )


def test_every_setting_is_read() -> None:
    assert settings(
        NANGO_SECRET_KEY=KEY,
        NANGO_HOST="http://127.0.0.1:3003/",
        NANGO_WEBHOOK_SIGNING_KEY="old-key, new-key",
        CRM_WAREHOUSE="duckdb:////var/crm/leads.duckdb",
        CRM_DATA_DIR="/var/crm",
        CRM_DEFAULT_REGION="gb",
        CRM_SYNC_RUNS="16",
        CRM_SYNC_AT_ONCE="32",
        CRON_SECRET=LONG,
        CRM_API_TOKEN=LONG,
    ) == Settings(
        nango_secret_key=Secret(KEY),
        nango_host="http://127.0.0.1:3003",
        nango_webhook_signing_keys=(Secret("old-key"), Secret("new-key")),
        warehouse="duckdb:////var/crm/leads.duckdb",
        data_dir=Path("/var/crm"),
        default_region="GB",
        sync_runs=16,
        sync_at_once=32,
        cron_secret=Secret(LONG),
        api_token=Secret(LONG),
    )


def test_the_process_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_DEFAULT_REGION", "FR")
    assert Settings.from_environment().default_region == "FR"


def test_a_dotenv_file_in_the_current_folder_is_read() -> None:
    Path(".env").write_text(f'NANGO_SECRET_KEY="{KEY}"\nCRM_WAREHOUSE=postgresql://u:a$b@h/db # the store\n')
    read = settings()
    assert read.nango_secret_key == Secret(KEY)
    assert read.warehouse == "postgresql://u:a$b@h/db"


def test_another_dotenv_file_can_be_named(tmp_path: Path) -> None:
    Path(".env").write_text("CRM_DEFAULT_REGION=GB\n")
    (tmp_path / "other.env").write_text("CRM_DEFAULT_REGION=DE\n")
    assert Settings.from_environment({}, tmp_path / "other.env").default_region == "DE"


def test_the_environment_wins_over_the_file() -> None:
    Path(".env").write_text("CRM_DEFAULT_REGION=GB\nCRM_DATA_DIR=from-file\n")
    read = settings(CRM_DEFAULT_REGION="DE")
    assert (read.default_region, read.data_dir) == ("DE", Path("from-file"))


def test_a_file_saved_by_a_windows_editor_is_read() -> None:
    Path(".env").write_bytes(b"\xef\xbb\xbfCRM_DEFAULT_REGION=GB\r\nCRM_DATA_DIR=here\r\n")
    read = settings()
    assert (read.default_region, read.data_dir) == ("GB", Path("here"))


def test_a_file_that_is_no_text_is_named_in_the_error() -> None:
    Path(".env").write_bytes(b"CRM_DEFAULT_REGION=\xff\xfe\n")
    assert ".env" in refused().message


@pytest.mark.parametrize("empty", ["", "  ", "\n"])
def test_an_empty_value_counts_as_not_set(empty: str) -> None:
    assert settings(**dict.fromkeys(NAMES, empty)) == Settings()


def test_an_empty_value_in_the_environment_switches_the_file_off() -> None:
    Path(".env").write_text(f"CRM_API_TOKEN={LONG}\n")
    assert settings(CRM_API_TOKEN="").api_token is None


def test_a_newline_after_a_secret_is_dropped() -> None:
    """A secret mounted from a file ends in one, and Nango would refuse the header."""
    assert settings(NANGO_SECRET_KEY=f"{KEY}\n").require_nango() == KEY


def test_all_wrong_settings_are_reported_together() -> None:
    error = refused(
        NANGO_SECRET_KEY="no-uuid",
        NANGO_HOST="ftp://x",
        CRM_WAREHOUSE="mysql://x",
        CRM_DEFAULT_REGION="USA",
        CRON_SECRET="short",
        CRM_API_TOKEN="x",
    )
    named = ("NANGO_SECRET_KEY", "NANGO_HOST", "CRM_WAREHOUSE", "CRM_DEFAULT_REGION", "CRON_SECRET", "CRM_API_TOKEN")
    assert error.facts["settings"] == named
    assert error.message.startswith("6 settings are wrong: ")
    assert all(f"{name} must" in error.message for name in named)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("NANGO_SECRET_KEY", "6f1b2c3d-4e5f-1a6b-8c7d-9e0f1a2b3c4d"),
        ("NANGO_SECRET_KEY", "6f1b2c3d-4e5f-4a6b-cc7d-9e0f1a2b3c4d"),
        ("NANGO_SECRET_KEY", KEY.replace("-", "")),
        ("NANGO_SECRET_KEY", f"Bearer {KEY}"),
        ("CRM_SYNC_RUNS", "0"),
        ("CRM_SYNC_RUNS", "101"),
        ("CRM_SYNC_RUNS", "1.5"),
        ("CRM_SYNC_AT_ONCE", "33"),
        ("CRM_SYNC_AT_ONCE", "-1"),
        ("CRM_SYNC_AT_ONCE", "eight"),
        ("NANGO_HOST", "api.nango.dev"),
        ("NANGO_HOST", "https://"),
        ("NANGO_HOST", "https://api.nango.dev/proxy"),
        ("NANGO_HOST", "https://api.nango.dev?x=1"),
        ("NANGO_HOST", "https://user:hunter2@api.nango.dev"),
        ("NANGO_HOST", "https://api.nango.dev:port"),
        ("NANGO_HOST", "https://api.nango.dev:99999"),
        ("NANGO_HOST", "https://[::1"),
        ("NANGO_HOST", "https://api nango.dev"),
        ("NANGO_WEBHOOK_SIGNING_KEY", ","),
        ("NANGO_WEBHOOK_SIGNING_KEY", "one two"),
        ("CRM_WAREHOUSE", "crm.duckdb"),
        ("CRM_WAREHOUSE", "duckdb://crm.duckdb"),
        ("CRM_WAREHOUSE", "duckdb:///"),
        ("CRM_WAREHOUSE", "duckdb:///folder/"),
        ("CRM_WAREHOUSE", "duckdb:///:memory:"),
        ("CRM_WAREHOUSE", "postgresql://u:hunter2@host"),
        ("CRM_WAREHOUSE", "postgresql://u:hunter2@host:port/db"),
        ("CRM_WAREHOUSE", "postgresql+psycopg://u:hunter2@host/db"),
        ("CRM_DEFAULT_REGION", "U"),
        ("CRM_DEFAULT_REGION", "UK"),
        ("CRM_DEFAULT_REGION", "001"),
        ("CRON_SECRET", LONG[:31]),
        ("CRON_SECRET", f"{LONG} x"),
        ("CRON_SECRET", f"{LONG}ü"),
        ("CRM_API_TOKEN", LONG[:15]),
        ("CRM_API_TOKEN", "x" * 40),
    ],
)
def test_a_wrong_value_is_refused_by_name(name: str, text: str) -> None:
    error = refused(**{name: text})
    assert error.message.startswith(f"A setting is wrong: {name} must")


@pytest.mark.parametrize(
    "text",
    [
        "duckdb:///crm.duckdb",
        "duckdb:////var/crm.duckdb",
        "postgresql://user@host/db",
        "postgresql:///db?host=/run/postgresql",
        "postgresql://u:p%40ss@[::1]:5433/db?sslmode=require",
    ],
)
def test_a_store_url_is_kept_as_it_is(text: str) -> None:
    assert settings(CRM_WAREHOUSE=text).warehouse == text


def test_the_older_scheme_of_postgres_is_written_as_the_newer() -> None:
    assert settings(CRM_WAREHOUSE="postgres://u@h/db").warehouse == "postgresql://u@h/db"


def test_a_data_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    assert "CRM_DATA_DIR must be a folder" in refused(CRM_DATA_DIR="taken").message


def test_the_data_folder_may_be_in_the_home_folder() -> None:
    assert settings(CRM_DATA_DIR="~/crm").data_dir == Path.home() / "crm"


def test_no_secret_is_shown_by_repr_or_str() -> None:
    full = settings(
        NANGO_SECRET_KEY=KEY,
        NANGO_WEBHOOK_SIGNING_KEY="signing-hunter2",
        CRM_WAREHOUSE="postgresql://user:hunter2@host/db",
        CRON_SECRET=LONG + "hunter2",
        CRM_API_TOKEN=LONG + "hunter2",
    )
    shown = f"{full} {full!r} {full.nango_secret_key} {full.cron_secret!r}"
    assert "hunter2" not in shown
    assert KEY not in shown
    assert "postgresql://user:***@host/db" in shown


@pytest.mark.parametrize("name", ["NANGO_SECRET_KEY", "CRM_WAREHOUSE", "CRON_SECRET", "CRM_API_TOKEN", "NANGO_HOST"])
def test_a_refused_secret_is_not_in_the_error(name: str) -> None:
    error = refused(**{name: "a:hunter2@b"})
    assert "hunter2" not in f"{error} {error.as_dict()} {error.facts}"


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("duckdb:///.crm/crm.duckdb", "duckdb:///.crm/crm.duckdb"),
        ("postgresql://u@h/db", "postgresql://u@h/db"),
        ("postgresql://u:p@h:5432/db", "postgresql://u:***@h:5432/db"),
        ("postgresql://u:p@ss/w@rd@h/db", "postgresql://u:***@h/db"),
        (
            "postgresql://h/db?user=u&password=p&sslmode=require",
            "postgresql://h/db?user=u&password=***&sslmode=require",
        ),
    ],
)
def test_the_password_of_the_store_is_masked(url: str, masked: str) -> None:
    assert Settings(warehouse=url).masked_warehouse == masked


def test_without_a_key_the_error_says_how_to_use_the_sandbox() -> None:
    with pytest.raises(ConfigError) as caught:
        settings().require_nango()
    assert "NANGO_SECRET_KEY" in caught.value.message
    assert "sandbox" in caught.value.message
    assert "crm-pipeline sandbox" in caught.value.action


def test_the_regions_are_those_a_phone_can_be_read_in() -> None:
    assert set(phonenumbers.SUPPORTED_REGIONS) == REGIONS


def test_reading_settings_loads_no_heavy_library() -> None:
    """Commands that talk to nobody answer within a second."""
    code = "import sys; from crm_pipeline.settings import Settings; Settings.from_environment(); print(*sys.modules)"
    environ = {"PYTHONPATH": str(Path(crm_pipeline.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    loaded = set(done.stdout.split())
    assert "crm_pipeline.settings" in loaded
    assert not loaded & {"dagster", "dlt", "duckdb", "pandas", "phonenumbers", "psycopg", "pyarrow", "urllib3"}


SMTP = "smtp://ops:s3cret@mail.example:587?from=crm@x.example"


def test_notices_are_off_until_set_and_their_secrets_are_not_shown() -> None:
    assert (settings().notice_email, settings().smtp_url, settings().notice_webhook) == ((), None, None)
    found = settings(
        CRM_NOTICE_EMAIL="a@x.example, b@x.example",
        CRM_SMTP_URL=SMTP,
        CRM_NOTICE_WEBHOOK="https://hooks.example/s3cret",
    )
    assert found.notice_email == ("a@x.example", "b@x.example")
    assert found.smtp_url == Secret(SMTP)
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CRM_NOTICE_EMAIL", "somebody"),
        ("CRM_NOTICE_EMAIL", "a@x.example\nBcc: b@x.example"),
        ("CRM_NOTICE_EMAIL", "a@x.example, <b@x.example>"),
        ("CRM_SMTP_URL", "mail.example"),
        ("CRM_SMTP_URL", "http://mail.example"),
        ("CRM_SMTP_URL", "smtp://mail.example/path"),
        ("CRM_SMTP_URL", "smtp://mail.example?to=a@x.example"),
        ("CRM_SMTP_URL", "smtp://mail.example?from=nobody"),
        ("CRM_NOTICE_WEBHOOK", "hooks.slack.com"),
        ("CRM_NOTICE_WEBHOOK", "ftp://hooks.example/x"),
    ],
)
def test_unusable_channels_are_refused(name: str, value: str) -> None:
    usable = {"CRM_NOTICE_EMAIL": "a@x.example", "CRM_SMTP_URL": "smtp://mail.example"}
    assert refused(**usable | {name: value}).facts["settings"] == (name,)


@pytest.mark.parametrize("missing", ["CRM_NOTICE_EMAIL", "CRM_SMTP_URL"])
def test_addresses_and_a_mail_server_need_each_other(missing: str) -> None:
    given = {"CRM_NOTICE_EMAIL": "a@x.example", "CRM_SMTP_URL": "smtp://mail.example"}
    del given[missing]
    assert refused(**given).facts["settings"] == (missing,)
