"""A mail server and a webhook on the loopback that keep what they are sent, and can refuse it."""

from __future__ import annotations

import http.server
import json
import socketserver
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Received:
    """What a server got. `answer` is what it says to a message: 250 or 2xx takes it."""

    port: int = 0
    answer: int = 250
    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    is_encrypted: bool = False
    posts: list[dict[str, Any]] = field(default_factory=list)


def certificate(folder: Path, name: str = "localhost") -> Path:
    """A self-made certificate and its key in one file, good for a day."""
    file = folder / f"{name}.pem"
    made_for = f"IP:{name}" if name[0].isdigit() else f"DNS:{name}"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    wanted = ["-days", "1", "-subj", f"/CN={name}", "-addext", f"subjectAltName={made_for}"]
    subprocess.run([*command, *wanted, "-keyout", file, "-out", f"{file}.part"], check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + Path(f"{file}.part").read_bytes())
    return file


@contextmanager
def mail_server(host: str = "127.0.0.1", *, identity: Path | None = None, how: str = "starttls") -> Iterator[Received]:
    """Speaks as much SMTP as `smtplib` needs; offers AUTH.

    With a certificate all is encrypted: from the first byte (`how` is smtps), or once it is asked for (starttls).
    """
    received = Received()
    encrypts = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if identity is not None:
        encrypts.load_cert_chain(identity)

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def encrypt(self) -> None:
            self.finish()
            self.request = encrypts.wrap_socket(self.request, server_side=True)
            self.setup()
            received.is_encrypted = True

        def handle(self) -> None:
            with suppress(OSError):  # who does not trust us hangs up
                self.talk()
            if received.is_encrypted:
                self.request.close()

        def talk(self) -> None:
            if identity is not None and how == "smtps":
                self.encrypt()
            self.say("220 here")
            while line := self.rfile.readline().decode().strip():
                received.commands.append(line)
                verb = line.split()[0].upper()
                if verb == "EHLO":
                    offers = identity is not None and not received.is_encrypted
                    self.say("250-here\r\n" + ("250-STARTTLS\r\n" if offers else "") + "250 AUTH PLAIN")
                elif verb == "STARTTLS":
                    self.say("220 go on")
                    self.encrypt()
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
