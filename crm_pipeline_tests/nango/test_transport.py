"""One exchange over a real socket, and everything that can happen to it on the way."""

from __future__ import annotations

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from contextlib import suppress

import pytest

from crm_pipeline.errors import ConfigError, NangoError, PipelineError, ProviderError
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.nango.limits import SYSTEM_CLOCK, Timeouts
from crm_pipeline.nango.retry import RetryPolicy
from crm_pipeline_tests.nango.fake_nango import (
    SECRET,
    FakeNango,
    Reply,
    a_client,
    gzipped,
    json_reply,
    page,
)

PATH = "/proxy/contacts"
ONCE = RetryPolicy(attempts=1)
HASTY = Timeouts(connect=0.3, read=0.2, page=0.5)
LIMIT = 100_000


def fetch(nango: FakeNango, *replies: Reply, limit: int = LIMIT) -> bytes:
    with a_client(nango.on(PATH, *replies), policy=ONCE, max_body_bytes=limit) as client:
        return client.proxy("hubspot", "c1").get("/contacts").body


def failure_of(nango: FakeNango, *replies: Reply, limit: int = LIMIT) -> PipelineError:
    with pytest.raises(PipelineError) as caught:
        fetch(nango, *replies, limit=limit)
    return caught.value


def hasty_failure(nango: FakeNango, reply: Reply, timeouts: Timeouts = HASTY) -> tuple[PipelineError, float]:
    """The error under the system's clock, and the seconds it took to come."""
    began = time.monotonic()
    with (
        a_client(nango.on(PATH, reply), clock=SYSTEM_CLOCK, policy=ONCE, timeouts=timeouts) as client,
        pytest.raises(PipelineError) as caught,
    ):
        client.proxy("hubspot", "c1").get("/contacts")
    return caught.value, time.monotonic() - began


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("size", [0, 1, 60_000, LIMIT])
def test_a_body_arrives_whole(nango: FakeNango, chunked: bool, size: int) -> None:
    body = bytes(number % 251 for number in range(size))
    assert fetch(nango, Reply(body=body, chunked=chunked)) == body


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "x-gzip"])
def test_gzip_is_accepted(nango: FakeNango, chunked: bool, encoding: str) -> None:
    body = gzip.compress(b"abc" * 20_000)
    assert fetch(nango, Reply(body=body, headers={"Content-Encoding": encoding}, chunked=chunked)) == b"abc" * 20_000


def test_deflate_is_accepted(nango: FakeNango) -> None:
    assert fetch(nango, Reply(body=zlib.compress(b"abc"), headers={"Content-Encoding": "deflate"})) == b"abc"


def test_gzip_in_several_streams_is_one_body(nango: FakeNango) -> None:
    body = gzip.compress(b"abc") + gzip.compress(b"def") + b"\0\0"
    assert fetch(nango, Reply(body=body, headers={"Content-Encoding": "gzip"})) == b"abcdef"


def test_an_empty_body_called_gzip_is_empty(nango: FakeNango) -> None:
    assert fetch(nango, Reply(204, headers={"Content-Encoding": "gzip"})) == b""


def test_gzip_is_asked_for_and_a_page_in_gzip_is_read(nango: FakeNango) -> None:
    with a_client(nango.on(PATH, gzipped({"results": [1]}))) as client:
        assert client.proxy("hubspot", "c1").get("/contacts", shape=("results",)).object() == {"results": [1]}
    assert nango.seen[0].headers["accept-encoding"] == "gzip"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_over_the_limit_is_given_up(nango: FakeNango, chunked: bool) -> None:
    error = failure_of(nango, Reply(body=b"x" * (LIMIT + 1), chunked=chunked))
    assert (error.code, error.can_retry, type(error)) == ("unexpected_response", False, ProviderError)
    assert "larger than 100000 bytes" in error.message


def test_a_gzip_bomb_is_given_up_before_it_fills_memory(nango: FakeNango) -> None:
    """300 MB in 300 kB: only the limit and a little more may ever be in memory."""
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(b"\0" * 2**20) for _ in range(300)) + packer.flush()
    tracemalloc.start()
    try:
        error = failure_of(nango, Reply(body=bomb, headers={"Content-Encoding": "gzip"}), limit=2**20)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "larger than" in error.message
    assert peak < 8 * 2**20


def test_a_body_of_exactly_the_limit_in_gzip_passes(nango: FakeNango) -> None:
    body = gzip.compress(b"x" * LIMIT)
    assert len(fetch(nango, Reply(body=body, headers={"Content-Encoding": "gzip"}))) == LIMIT


@pytest.mark.parametrize(
    ("body", "encoding", "said"),
    [
        (b"no gzip at all", "gzip", "damaged"),
        (gzip.compress(b"abc" * 100, mtime=0)[:-12] + b"\0" * 12, "gzip", "damaged"),
        (b"{}", "br", "was not asked for"),
        (gzip.compress(b"{}", mtime=0), "gzip, gzip", "was not asked for"),
    ],
)
def test_a_body_that_cannot_be_inflated_is_unexpected(nango: FakeNango, body: bytes, encoding: str, said: str) -> None:
    error = failure_of(nango, Reply(body=body, headers={"Content-Encoding": encoding}))
    assert (error.code, error.can_retry) == ("unexpected_response", True)
    assert said in error.message


def test_a_gzip_body_cut_short_is_a_broken_answer(nango: FakeNango) -> None:
    error = failure_of(nango, Reply(body=gzip.compress(b"abc" * 100)[:-9], headers={"Content-Encoding": "gzip"}))
    assert (error.code, error.can_retry) == ("provider_unavailable", True)


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("stop_after", [0, 1, 30_000])
def test_a_reset_in_the_middle_is_never_half_a_body(nango: FakeNango, chunked: bool, stop_after: int) -> None:
    error = failure_of(nango, Reply(body=b"x" * 60_000, chunked=chunked, stop_after=stop_after))
    assert (error.code, error.can_retry) == ("provider_unavailable", True)
    assert "broke off" in error.message


@pytest.mark.parametrize("raw", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 abc OK\r\n\r\n", b"\0" * 70_000])
def test_something_that_is_no_http_is_a_broken_answer(nango: FakeNango, raw: bytes) -> None:
    assert failure_of(nango, Reply(raw=raw)).code == "provider_unavailable"


def test_silence_ends_at_the_read_time_out(nango: FakeNango) -> None:
    released = threading.Event()
    try:
        error, seconds = hasty_failure(nango, Reply(stall=released))
    finally:
        released.set()
    assert (error.code, error.can_retry) == ("provider_unavailable", True)
    assert "did not answer in time" in error.message
    assert 0.15 < seconds < 2.0


def test_silence_cannot_outlast_the_time_for_a_page(nango: FakeNango) -> None:
    released = threading.Event()
    try:
        _, seconds = hasty_failure(nango, Reply(stall=released), Timeouts(connect=0.3, read=3.0, page=0.2))
    finally:
        released.set()
    assert 0.15 < seconds < 1.0


@pytest.mark.parametrize("drip_headers", [False, True])
def test_an_answer_that_drips_in_ends_at_the_time_for_a_page(nango: FakeNango, drip_headers: bool) -> None:
    """Each byte comes in time, so a read time-out alone would let this run for hours."""
    error, seconds = hasty_failure(nango, Reply(body=b"x" * 200, drip=0.05, drip_headers=drip_headers))
    assert error.code == "provider_unavailable"
    assert 0.4 < seconds < 3.0


def test_an_answer_within_its_time_is_not_disturbed_by_the_one_before(nango: FakeNango) -> None:
    """The deadline of one answer must not linger on the kept-alive connection."""
    nango.on(PATH, Reply(body=b"x" * 12, drip=0.05), page(1))
    timeouts = Timeouts(connect=1.0, read=0.9, page=1.0)
    with a_client(nango, clock=SYSTEM_CLOCK, policy=ONCE, timeouts=timeouts) as client:
        proxy = client.proxy("hubspot", "c1")
        proxy.get("/contacts")
        time.sleep(0.5)
        assert proxy.get("/contacts").object("results")
    assert len({request.peer for request in nango.seen}) == 1


def test_a_refused_connection_is_nangos(nango: FakeNango) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nango.url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        error = failure_of(nango)
    assert (type(error), error.code, error.can_retry) == (NangoError, "nango_unavailable", True)
    assert "refused" in error.message


def test_a_name_that_does_not_exist_is_told(nango: FakeNango) -> None:
    nango.url = "http://nango.invalid"
    assert "its name is unknown" in failure_of(nango).message


def test_a_server_without_tls_is_not_trusted_and_not_asked_again(nango: FakeNango) -> None:
    nango.url = nango.url.replace("http:", "https:")
    error = failure_of(nango)
    assert (error.code, error.can_retry) == ("nango_unavailable", False)
    assert nango.seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("where", ["http://169.254.169.254/", "/proxy/elsewhere", "https://login.example/"])
def test_a_redirect_is_never_followed(nango: FakeNango, status: int, where: str) -> None:
    nango.on("/proxy/elsewhere", page(1))
    error = failure_of(nango, Reply(status, headers={"Location": where}))
    assert (error.code, error.can_retry) == ("unexpected_response", False)
    assert [request.target for request in nango.seen] == [PATH]


def test_many_calls_use_one_tcp_connection(nango: FakeNango) -> None:
    nango.on(PATH, page(1), gzipped({"results": []}), Reply(404, b"no"), Reply(body=b"x" * 30_000, chunked=True))
    with a_client(nango, policy=ONCE) as client:
        proxy = client.proxy("hubspot", "c1")
        for _ in range(20):
            with suppress(ProviderError):
                proxy.get("/contacts")
    assert len(nango.seen) == 20
    assert len({request.peer for request in nango.seen}) == 1


def test_what_a_given_up_body_left_unread_is_not_taken_for_the_next_answer(nango: FakeNango) -> None:
    nango.on(PATH, Reply(body=b"x" * (LIMIT * 5)), page(7))
    with a_client(nango, max_body_bytes=LIMIT, policy=ONCE) as client:
        proxy = client.proxy("hubspot", "c1")
        with pytest.raises(ProviderError):
            proxy.get("/contacts")
        assert proxy.get("/contacts").object() == {"results": [{"id": "7"}]}


def test_threads_share_the_pool_and_get_their_own_answers(nango: FakeNango) -> None:
    for number in range(8):
        nango.on(f"/proxy/{number}", json_reply({"n": number, "pad": "x" * 20_000}))
    got: list[tuple[int, object]] = []
    with a_client(nango) as client:
        proxy = client.proxy("hubspot", "c1")

        def work(number: int) -> None:
            got.extend((number, proxy.get(f"/{number}").object()["n"]) for _ in range(10))

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(got, key=str) == sorted(((number, number) for number in range(8) for _ in range(10)), key=str)
    assert proxy.requests == 80


@pytest.mark.parametrize(
    "host",
    [
        "",
        "api.nango.dev",
        "ftp://api.nango.dev",
        "https://",
        "https://u:p@h.example",
        "https://h.example/?x=1",
        "http://[x",
    ],
)
def test_an_address_that_is_none_is_a_wrong_setting(host: str) -> None:
    with pytest.raises(ConfigError, match="NANGO_HOST"):
        NangoClient(host=host, secret_key=SECRET)


def test_an_address_may_have_a_path(nango: FakeNango) -> None:
    nango.on("/nango/proxy/contacts", page(1))
    nango.url += "/nango/"
    with a_client(nango) as client:
        assert client.proxy("hubspot", "c1").get("/contacts").object("results")


@pytest.mark.parametrize("key", ["", "abc\r\nX-Evil: 1", "schlüssel"])
def test_a_key_that_is_none_is_a_wrong_setting_and_not_shown(nango: FakeNango, key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        NangoClient(host=nango.url, secret_key=key)
    assert not key or key not in caught.value.message
    assert SECRET not in repr(a_client(nango))
