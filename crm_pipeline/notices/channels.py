"""The channels of notices: e-mail over SMTP, and a webhook that takes `{"text": …}` as Slack's do.

Each goes to the one place that the settings name: no redirect is followed, no answer is read beyond its status. What
cannot be sent raises `NotSent`, in words without the address's secrets.
"""

from __future__ import annotations

import http.client
import smtplib
import ssl
from contextlib import closing
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime, localtime, make_msgid
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import orjson

from crm_pipeline.notices.message import Message
from crm_pipeline.settings import Secret, Settings

SECONDS = 15.0
"""A server that does not answer within this is asked again later; nothing waits for it longer."""
PORTS = {"smtp": 587, "smtps": 465}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
CONTROLS = dict.fromkeys((*range(9), *range(11, 32), 127), " ")


class NotSent(Exception):
    """A message did not go out; it is tried again."""


class Channel(Protocol):
    """One way to people."""

    @property
    def name(self) -> str:
        """What the channel is called in the store: what was told by one is not yet told by another."""

    @property
    def target(self) -> str:
        """Where messages go, for people and without secrets."""

    def send(self, message: Message) -> None:
        """Hand one message over; raises `NotSent`."""


def channels(settings: Settings) -> tuple[Channel, ...]:
    """The channels that the settings name; none unless somebody set them."""
    found: list[Channel] = []
    if settings.notice_email and settings.smtp_url:
        found.append(Email(url=settings.smtp_url, to=settings.notice_email))
    if settings.notice_webhook:
        found.append(Webhook(url=settings.notice_webhook))
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Email:
    """Plain text to some addresses, through `smtp://` (with STARTTLS where offered) or `smtps://`."""

    url: Secret
    to: tuple[str, ...]
    name: str = field(default="email", init=False)

    @property
    def target(self) -> str:
        count = len(self.to)
        return f"e-mail to {count} address{'es' if count > 1 else ''} through {urlsplit(self.url.reveal()).hostname}"

    def send(self, message: Message) -> None:
        try:
            with self._server() as server:
                server.send_message(self._as_mail(message), to_addrs=list(self.to))
        except smtplib.SMTPResponseException as error:
            raise NotSent(f"the mail server answered {error.smtp_code}") from error
        except smtplib.SMTPRecipientsRefused as error:
            raise NotSent("the mail server refuses every recipient") from error
        except (smtplib.SMTPException, OSError) as error:
            raise NotSent(f"the mail server cannot be used ({type(error).__name__})") from error

    @property
    def sender(self) -> str:
        """The address that messages come from: `?from=` of the URL, else its user, else the first recipient."""
        url = urlsplit(self.url.reveal())
        given = parse_qs(url.query).get("from", [""])[0]
        user = unquote(url.username or "")
        return given or (user if "@" in user else self.to[0])

    def _as_mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["From"], mail["To"] = self.sender, ", ".join(self.to)
        mail["Subject"] = f"[crm-pipeline] {_one_line(message.subject)}"
        mail["Date"], mail["Message-ID"] = format_datetime(localtime()), make_msgid(domain=self._domain)
        mail["Auto-Submitted"] = "auto-generated"
        mail.set_content(message.text.translate(CONTROLS))
        return mail

    @property
    def _domain(self) -> str:
        return self.sender.rpartition("@")[2]

    def _server(self) -> smtplib.SMTP:
        url = urlsplit(self.url.reveal())
        host, port = url.hostname or "", url.port or PORTS[url.scheme]
        trusted = ssl.create_default_context()
        if url.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(host, port, self._domain, timeout=SECONDS, context=trusted)
        else:
            server = smtplib.SMTP(host, port, self._domain, timeout=SECONDS)
        try:
            self._greet(server, trusted)
        except BaseException:
            server.close()
            raise
        return server

    def _greet(self, server: smtplib.SMTP, trusted: ssl.SSLContext) -> None:
        url = urlsplit(self.url.reveal())
        server.ehlo()
        is_private = url.scheme == "smtps" or url.hostname in LOOPBACK
        if url.scheme == "smtp" and server.has_extn("starttls"):
            server.starttls(context=trusted)
            server.ehlo()
            is_private = True
        if url.username and not is_private:
            raise NotSent("the mail server offers no encryption, so it is not told the password")
        if url.username:
            server.login(unquote(url.username), unquote(url.password or ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """A POST of `{"text": …}`, as Slack, Mattermost, Rocket.Chat and Google Chat take it."""

    url: Secret
    name: str = field(default="webhook", init=False)

    @property
    def target(self) -> str:
        return f"a webhook at {urlsplit(self.url.reveal()).hostname}"

    def send(self, message: Message) -> None:
        text = f"{message.subject}\n{message.text}".translate(CONTROLS)
        body = orjson.dumps({"text": text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")})
        url = urlsplit(self.url.reveal())
        try:
            with closing(self._server()) as server:
                path = (url.path or "/") + (f"?{url.query}" if url.query else "")
                server.request("POST", path, body, {"Content-Type": "application/json"})
                status = server.getresponse().status
        except (http.client.HTTPException, OSError) as error:
            raise NotSent(f"{self.target} cannot be reached ({type(error).__name__})") from None
        if not 200 <= status < 300:
            raise NotSent(f"{self.target} answered {status}")

    def _server(self) -> http.client.HTTPConnection:
        """Not through urllib3, which writes the path of a call, here a secret, into its log."""
        url = urlsplit(self.url.reveal())
        if url.scheme == "http":
            return http.client.HTTPConnection(url.hostname or "", url.port, timeout=SECONDS)
        trusted = ssl.create_default_context()
        return http.client.HTTPSConnection(url.hostname or "", url.port, timeout=SECONDS, context=trusted)


def _one_line(text: str) -> str:
    return " ".join(text.translate(CONTROLS).split())
