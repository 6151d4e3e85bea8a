from __future__ import annotations

import gzip
import http.client
import time

import pytest

from crm_pipeline.sandbox.fault_answers import PRESETS, Answer, merge_patch
from crm_pipeline.sandbox.faults import BadFault, FaultScript
from crm_pipeline_tests.sandbox.caller import a_sandbox

CONTACTS = "/crm/v3/objects/contacts"


def test_a_fault_hits_the_nth_matching_call_and_then_no_more() -> None:
    with a_sandbox(3) as caller:
        fault = caller.sandbox.faults.add(match={"path": f"{CONTACTS}$"}, nth=2, times=2, answer="unavailable")
        caller.search()
        assert [caller.contacts().status for _ in range(5)] == [200, 503, 503, 200, 200]
        assert (fault.seen, fault.hits) == (5, 2)


def test_a_fault_without_end_stays_until_it_is_cleared() -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.faults.add(answer="server_error", times=None)
        assert {caller.contacts().status for _ in range(4)} == {500}
        caller.sandbox.faults.clear()
        assert caller.contacts().status == 200


def test_of_two_due_faults_the_first_added_wins_and_both_count() -> None:
    with a_sandbox(3) as caller:
        first = caller.sandbox.faults.add(answer="unavailable")
        second = caller.sandbox.faults.add(answer="server_error", times=2)
        assert [caller.contacts().status for _ in range(3)] == [503, 500, 200]
        assert (first.hits, second.hits, second.seen) == (1, 1, 3)


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({"account": "acme"}, True),
        ({"account": "globex"}, False),
        ({"method": "get"}, True),
        ({"method": "POST"}, False),
        ({"query": "limit=5"}, True),
        ({"query": "limit=6"}, False),
        ({"nango_connection_id": "other"}, False),
        ({"body": "x"}, False),
    ],
)
def test_what_a_fault_matches(match: dict[str, str], hit: bool) -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.faults.add(match=match, answer="unavailable")
        assert (caller.contacts(limit=5).status == 503) is hit


def test_a_crm_fault_waits_until_a_call_reaches_the_crm() -> None:
    with a_sandbox(3) as caller:
        fault = caller.sandbox.faults.add(answer="unavailable")
        assert caller.crm("GET", CONTACTS, Connection_Id="nobody").status == 400
        assert caller.nango("GET", "/connections").status == 200
        assert fault.seen == 0


def test_a_nango_fault_meets_its_own_api_too_and_loses_no_headers() -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.faults.add(match={"path": "^/connections$"}, answer="nango_rate_limit")
        answer = caller.nango("GET", "/connections")
        assert (answer.status, answer.headers["retry-after"]) == (429, "1")
        assert answer.json["error"]["code"] == "too_many_request"


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_can_be_met(name: str) -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.faults.add(answer=name)
        preset = PRESETS[name]
        try:
            answer = caller.contacts(limit=100)
        except (ConnectionError, http.client.IncompleteRead):
            assert name == "reset"
            return
        assert answer.status == (preset.status or 200)


def test_a_preset_can_be_varied() -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.faults.add(answer={"preset": "rate_limited", "headers": {"Retry-After": "7"}})
        answer = caller.contacts()
        assert (answer.json["policyName"], answer.headers["retry-after"]) == ("TEN_SECONDLY_ROLLING", "7")


def test_an_html_page_with_200() -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.faults.add(answer="html")
        answer = caller.contacts()
        assert (answer.status, answer.headers["content-type"]) == (200, "text/html")
        assert answer.body.startswith(b"<!DOCTYPE html>")


def test_cut_json_has_an_honest_length() -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.faults.add(answer={"cut_json": 50})
        answer = caller.contacts()
        assert (len(answer.body), answer.headers["content-length"]) == (50, "50")
        assert caller.contacts().status == 200


def test_a_connection_that_ends_within_the_body() -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.faults.add(answer={"cut_at": 20})
        with pytest.raises(http.client.IncompleteRead) as caught:
            caller.contacts()
        assert len(caught.value.partial) == 20


def test_a_connection_reset() -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.faults.add(answer={"reset": True})
        with pytest.raises(ConnectionResetError):
            caller.contacts()


def test_gzip_and_a_bomb() -> None:
    with a_sandbox(3) as caller:
        whole = caller.contacts().body
        caller.sandbox.faults.add(answer="gzip")
        packed = caller.contacts()
        assert packed.headers["content-encoding"] == "gzip"
        assert gzip.decompress(packed.body) == whole
        caller.sandbox.faults.add(answer={"bomb": 20_000_000})
        bomb = caller.contacts().body
        assert len(bomb) < 60_000
        assert len(gzip.decompress(bomb)) > 20_000_000


def test_a_late_and_a_dripping_answer() -> None:
    with a_sandbox(0) as caller:
        caller.sandbox.faults.add(answer={"delay": 0.1, "drip": 0.005})
        started = time.perf_counter()
        assert caller.contacts().json == {"results": []}
        assert time.perf_counter() - started > 0.1 + 0.005 * len('{"results":[]}') * 0.9


def test_silence_and_then_the_end() -> None:
    with a_sandbox(0) as caller:
        caller.sandbox.faults.add(answer={"hang": 0.05})
        with pytest.raises(http.client.RemoteDisconnected):
            caller.contacts()


def test_the_real_answer_can_be_patched() -> None:
    """A cursor that leads back to itself, and a total that promises too much."""
    with a_sandbox(30) as caller:
        caller.sandbox.faults.add(answer={"patch": {"paging": {"next": {"after": "1"}}}}, times=None)
        page = caller.contacts().json
        assert page["paging"]["next"]["after"] == "1"
        assert "link" in page["paging"]["next"]
        assert caller.contacts(after="1").json["results"] == page["results"]


def test_keys_can_be_dropped() -> None:
    with a_sandbox(30) as caller:
        caller.sandbox.faults.add(answer={"drop": ["paging"]})
        assert list(caller.contacts().json) == ["results"]


def test_another_encoding() -> None:
    with a_sandbox(0) as caller:
        caller.sandbox.portal("acme").create({"firstname": "Zoë"})
        caller.sandbox.faults.add(answer={"encoding": "utf-16"})
        assert "Zoë" in caller.contacts().body.decode("utf-16")


def test_a_change_in_the_crm_just_before_an_answer() -> None:
    """An edit between two pages, at a moment the test can name."""
    with a_sandbox(30) as caller:
        last = caller.sandbox.portal("acme").ids()[-1]
        before = ({"account": "acme", "action": "archive", "id": last},)
        caller.sandbox.faults.add(match={"path": f"{CONTACTS}$"}, nth=2, answer={"before": before})
        assert str(last) not in [contact["id"] for page in caller.pages(limit=20) for contact in page]


@pytest.mark.parametrize(
    "wrong",
    [
        {"answer": "no_such_preset"},
        {"answer": {"statsu": 500}},
        {"answer": {"at": "moon"}},
        {"answer": "html", "match": {"pth": "x"}},
        {"answer": "html", "match": {"path": "("}},
        {"answer": "html", "nth": 0},
        {"answer": "html", "times": 0},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(BadFault):
        FaultScript().add(**wrong)  # type: ignore[arg-type]


def test_merge_patch_is_rfc_7396() -> None:
    assert merge_patch({"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": None, "e": 4}, "d": [1]}) == {
        "a": {"c": 2, "e": 4},
        "d": [1],
    }


def test_a_lone_surrogate_can_be_sent() -> None:
    """CRMs have delivered them, and some JSON readers stop there."""
    reply = Answer(status=200, body='{"results":[{"id":"\ud800"}]}').reply()
    assert reply is not None
    assert b"\xed\xa0\x80" in reply.body
