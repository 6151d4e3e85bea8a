"""The sandbox as a process of its own, and how it is read the bare way and changed from outside."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import orjson
import urllib3

from benchmarks.processes import BenchmarkFailed, start
from crm_pipeline.providers.hubspot import CONTACTS, FIELDS, LIST_LIMIT

ACCOUNT = "acme"
PATIENCE = 10.0
"""Seconds it gets to stop in order."""
AFTER = re.compile(rb'"paging":\{"next":\{"after":"(\d+)"')
OK = 200
TAIL = 8192
"""Bytes at the end of a page that hold its link to the next one, which repeats the query."""


@contextmanager
def running(contacts: int, folder: Path, crms: Sequence[str] = ("hubspot",)) -> Iterator[dict[str, str]]:
    """The settings that lead to a fresh sandbox; ended, whatever happens."""
    arguments = (
        "crm_pipeline.sandbox", "--contacts", str(contacts), "--accounts", ACCOUNT, "--crms", ",".join(crms)
    )  # fmt: skip
    with tempfile.TemporaryFile() as errors:
        process = start(arguments, {}, folder, stdout=subprocess.PIPE, stderr=errors.fileno())
        try:
            assert process.stdout is not None
            lines = [process.stdout.readline().decode().strip() for _ in range(2)]
            if not all(lines):
                errors.seek(0)
                raise BenchmarkFailed(f"the sandbox did not start: {errors.read()[-2000:].decode(errors='replace')}")
            yield dict(line.split("=", 1) for line in lines)
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout is not None:
                process.stdout.close()


def slow_down(environment: Mapping[str, str], seconds: float) -> None:
    """From now on every answer takes so much longer."""
    fault = {"match": {"path": "."}, "times": None, "answer": {"delay": seconds}}
    answer = urllib3.request("POST", f"{environment['NANGO_HOST']}/sandbox/faults", json=fault)
    if answer.status != OK:
        raise BenchmarkFailed(f"the sandbox took no delay: {answer.data.decode(errors='replace')}")


@dataclass(frozen=True, slots=True)
class Reader:
    """One kept-alive connection to the sandbox, without the product."""

    pool: urllib3.HTTPConnectionPool
    headers: Mapping[str, str]

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Reader:
        """Ready to read: it has asked Nango for the connection's id."""
        url = urllib3.util.parse_url(environment["NANGO_HOST"])
        pool = urllib3.HTTPConnectionPool(url.host or "", url.port, maxsize=1, retries=False)
        key = {"Authorization": f"Bearer {environment['NANGO_SECRET_KEY']}"}
        (found,) = orjson.loads(pool.request("GET", "/connections", headers=key).data)["connections"]
        address = {"Connection-Id": found["connection_id"], "Provider-Config-Key": found["provider_config_key"]}
        return cls(pool, key | address)

    def pages(self) -> Iterator[bytes]:
        """The bodies of a complete pass, live contacts and then archived ones."""
        properties = quote(",".join(FIELDS), safe=",")
        for archived in ("false", "true"):
            first = f"/proxy{CONTACTS}?limit={LIST_LIMIT}&properties={properties}&archived={archived}"
            target = first
            while target:
                body = self._body(target)
                yield body
                following = AFTER.search(body[-TAIL:])
                target = f"{first}&after={following[1].decode()}" if following else ""

    def edit(self, contact: str, properties: Mapping[str, str]) -> None:
        """Change a contact as a user of the CRM would."""
        body = orjson.dumps({"id": contact, "properties": properties})
        answer = self.pool.request("POST", f"/sandbox/hubspot/{ACCOUNT}/edit", body=body)
        if answer.status != 200:
            raise BenchmarkFailed(f"the sandbox refused an edit: {answer.status} {answer.data[:300]!r}")

    def _body(self, target: str) -> bytes:
        answer = self.pool.request("GET", target, headers=self.headers)
        if answer.status != 200:
            raise BenchmarkFailed(f"the sandbox refused a page: {answer.status} {answer.data[:300]!r}")
        return answer.data


def warm(reader: Reader, contacts: int) -> list[str]:
    """Read every page once, so that the sandbox has made what it serves; the ids of the live contacts."""
    found = [(item["id"], item["archived"]) for page in reader.pages() for item in orjson.loads(page)["results"]]
    if len(found) != contacts:
        raise BenchmarkFailed(f"the sandbox served {len(found)} contacts, not {contacts}")
    return [contact for contact, archived in found if not archived]


def edit_some(reader: Reader, ids: list[str], changes: int, run: int) -> int:
    """Change that many contacts spread over the portal, half of them in name and half in phone; how many there were."""
    chosen = ids[:: max(1, len(ids) // max(1, changes))][:changes]
    for number, contact in enumerate(chosen):
        phone, name = f"+1 212 {2 + run % 8}{number % 1_000_000:06d}", f"Changed{run}-{number}"
        reader.edit(contact, {"phone": phone} if number % 2 else {"lastname": name})
    return len(chosen)
