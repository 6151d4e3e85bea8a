"""A mail server and a webhook on the loopback that keep what they are sent, and can refuse it."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any


@dataclass(slots=True)
class Received:
    """What a server got. `answer` is what it says to a message: 250 or 2xx takes it."""

    port: int = 0
    answer: int = 250
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def mail_server(host: str = "127.0.0.1") -> Iterator[Received]:
    """Speaks as much SMTP as `smtplib` needs; offers AUTH and no encryption."""
    received = Received()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self) -> None:
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                received.commands.append(line)
                verb = line.split()[0].upper()
                if verb == "EHLO":
                    self.say("250-here\r\n250 AUTH PLAIN")
                elif verb == "AUTH":
                    self.say("235 welcome")
                elif verb == "DATA":
                    self.say("354 go on")
                    self.take()
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    if verb == "RCPT":
                        received.recipients.append(line.partition("<")[2].partition(">")[0])
                    self.say("250 fine")

        def take(self) -> None:
            lines = []
            while (line := self.rfile.readline()) != b".\r\n":
                lines.append(line)
            if received.answer == 250:
                mail = message_from_bytes(b"".join(lines), policy=policy.default)
                received.mails.append(mail)
            self.say(f"{received.answer} done")

    with _serving(socketserver.ThreadingTCPServer((host, 0), Handler), received):
        yield received


@contextmanager
def webhook() -> Iterator[Received]:
    """Takes a POST of JSON."""
    received = Received(answer=200)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.posts.append({"path": self.path, **json.loads(body)})
            self.send_response(received.answer)
            if received.answer == 302:
                self.send_header("Location", f"http://127.0.0.1:{received.port}/elsewhere")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with _serving(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler), received):
        yield received


@contextmanager
def _serving(server: socketserver.TCPServer, received: Received) -> Iterator[None]:
    received.port = int(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
