"""Messages go to the one place that the settings name; what cannot be sent says so without a secret."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from crm_pipeline.notices.channels import Email, NotSent, Webhook, channels
from crm_pipeline.notices.message import MOST_SHOWN, Failing, Message, Recovered, compose
from crm_pipeline.settings import Secret, Settings
from crm_pipeline_tests.notices.servers import Received, certificate, mail_server, webhook

SINCE = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
UNTIL = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)
MESSAGE = Message(subject="one\r\nBcc: x@evil.example", text="<!channel> & more\nÜnder\x07")


def failing(account_id: str = "acme") -> Failing:
    return Failing(
        account_id=account_id, crm="HubSpot", since=SINCE, code="connection_expired", what="acme/hubspot: 401.",
        action="Connect it again.",
    )  # fmt: skip


@pytest.fixture
def mail() -> Iterator[Received]:
    with mail_server() as received:
        yield received


@pytest.fixture
def hook() -> Iterator[Received]:
    with webhook() as received:
        yield received


def email(mail: Received, host: str = "127.0.0.1", login: str = "ops:s3cret@", query: str = "") -> Email:
    return Email(url=Secret(f"smtp://{login}{host}:{mail.port}{query}"), to=("a@x.example", "b@x.example"))


def test_a_mail_reaches_every_address_and_nobody_else(mail: Received) -> None:
    email(mail, query="?from=crm@x.example").send(MESSAGE)
    (got,) = mail.mails
    assert mail.recipients == ["a@x.example", "b@x.example"]
    assert got["Subject"] == "[crm-pipeline] one Bcc: x@evil.example"
    assert (got["From"], got["To"], got["Bcc"]) == ("crm@x.example", "a@x.example, b@x.example", None)
    assert got.get_content().split() == ["<!channel>", "&", "more", "Ünder"]
    assert got["Message-ID"].endswith("@x.example>")
    assert got["Date"]


def test_without_a_sender_the_first_address_writes_to_itself(mail: Received) -> None:
    email(mail, login="").send(MESSAGE)
    assert mail.mails[0]["From"] == "a@x.example"
    assert not [line for line in mail.commands if line.startswith("AUTH")]


def test_a_password_is_not_told_over_an_open_line() -> None:
    """127.0.0.2 stands for another machine."""
    with mail_server("127.0.0.2") as mail, pytest.raises(NotSent, match="no encryption"):
        email(mail, host="127.0.0.2").send(MESSAGE)
    assert mail.commands
    assert not [line for line in mail.commands if line.startswith("AUTH")]


@pytest.mark.parametrize("how", ["smtps", "starttls"])
def test_a_mail_goes_over_an_encrypted_line_to_whom_the_computer_trusts(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """127.0.0.2 is not the loopback that may hear a password in the open."""
    identity = certificate(tmp_path, "127.0.0.2")
    monkeypatch.setenv("SSL_CERT_FILE", str(identity))
    with mail_server("127.0.0.2", identity=identity, how=how) as mail:
        url = f"{how.replace('starttls', 'smtp')}://ops:s3cret@127.0.0.2:{mail.port}"
        Email(url=Secret(url), to=("a@x.example",)).send(MESSAGE)
    assert (mail.is_encrypted, mail.recipients, len(mail.mails)) == (True, ["a@x.example"], 1)
    assert [line.split()[0] for line in mail.commands if line.startswith("AUTH")] == ["AUTH"]


@pytest.mark.parametrize("how", ["smtps", "starttls"])
@pytest.mark.parametrize("wrong", ["nobody vouches for it", "it is another's"])
def test_a_mail_server_that_proves_to_be_nobody_is_told_nothing(
    how: str, wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = certificate(tmp_path, "mail.example" if wrong == "it is another's" else "127.0.0.2")
    if wrong == "it is another's":
        monkeypatch.setenv("SSL_CERT_FILE", str(identity))
    with mail_server("127.0.0.2", identity=identity, how=how) as mail:
        url = f"{how.replace('starttls', 'smtp')}://ops:s3cret@127.0.0.2:{mail.port}"
        with pytest.raises(NotSent, match="SSLCertVerificationError") as caught:
            Email(url=Secret(url), to=("a@x.example",)).send(MESSAGE)
    assert "s3cret" not in str(caught.value)
    assert not [line for line in mail.commands if line.startswith("AUTH")]
    assert mail.mails == []


def test_what_a_mail_server_refuses_is_not_sent(mail: Received) -> None:
    mail.answer = 554
    with pytest.raises(NotSent, match="554"):
        email(mail).send(MESSAGE)


def test_a_server_that_is_not_there_is_told_without_the_secret(
    mail: Received, hook: Received, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    for channel in (
        Email(url=Secret("smtp://ops:s3cret@127.0.0.1:1"), to=("a@x.example",)),
        Webhook(url=Secret("http://127.0.0.1:1/services/T0/s3cret")),
    ):
        with pytest.raises(NotSent) as caught:
            channel.send(MESSAGE)
        assert "s3cret" not in str(caught.value) + repr(channel) + channel.target + caplog.text


def test_the_webhooks_address_is_a_secret_of_the_log_too(hook: Received, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    Webhook(url=Secret(f"http://127.0.0.1:{hook.port}/services/T0/s3cret")).send(MESSAGE)
    assert hook.posts
    assert "s3cret" not in caplog.text


def test_a_webhook_gets_text_in_which_nothing_is_a_command(hook: Received) -> None:
    Webhook(url=Secret(f"http://127.0.0.1:{hook.port}/services/T0/B0")).send(MESSAGE)
    (post,) = hook.posts
    assert post["path"] == "/services/T0/B0"
    assert post["text"].endswith("&lt;!channel&gt; &amp; more\nÜnder ")


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_another_answer_than_yes_is_not_sent_and_leads_nowhere_else(hook: Received, answer: int) -> None:
    hook.answer = answer
    with pytest.raises(NotSent, match=str(answer)):
        Webhook(url=Secret(f"http://127.0.0.1:{hook.port}/hook")).send(MESSAGE)
    assert [post["path"] for post in hook.posts] == ["/hook"]


def test_there_is_no_channel_until_somebody_sets_one() -> None:
    assert channels(Settings()) == ()
    both = Settings(
        notice_email=("a@x.example",), smtp_url=Secret("smtp://x.example"), notice_webhook=Secret("https://y.example/s")
    )
    assert [channel.name for channel in channels(both)] == ["email", "webhook"]
    assert [channel.target for channel in channels(both)] == [
        "e-mail to 1 address through x.example",
        "a webhook at y.example",
    ]


def test_a_message_says_who_since_when_what_and_what_to_do() -> None:
    message = compose([failing()], [])
    assert message.subject == "CRM sync failing: acme, HubSpot"
    assert message.text == (
        "acme, HubSpot: failing since 2026-11-25 09:00 UTC (connection_expired).\n"
        "hubspot: 401.\nWhat to do: Connect it again."
    )
    over = Recovered(account_id="acme", crm="HubSpot", since=SINCE, until=UNTIL, code="connection_expired")
    recovered = compose([], [over])
    assert recovered.subject == "CRM sync works again: acme, HubSpot"
    assert "works again since 2026-11-25 14:30 UTC" in recovered.text
    assert compose([failing()], [over]).subject.count(";") == 1


def test_an_outage_of_everything_is_one_message() -> None:
    message = compose([failing(str(number)) for number in range(MOST_SHOWN + 30)], [])
    assert message.subject == f"CRM sync failing: {MOST_SHOWN + 30} connections"
    assert message.text.count("What to do") == MOST_SHOWN
    assert "And 30 more" in message.text
