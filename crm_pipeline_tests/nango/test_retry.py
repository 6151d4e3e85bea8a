"""Counting and waiting."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from crm_pipeline.errors import PipelineError, ProviderError
from crm_pipeline.nango.retry import (
    DEFAULT_POLICY,
    Failure,
    LostTime,
    RetryPolicy,
    attempt_until_done,
    read_retry_after,
)
from crm_pipeline_tests.nango.fake_nango import STEADY, FakeClock

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def a_failure(
    *,
    code: str = "provider_unavailable",
    can_retry: bool = True,
    retry_after: float | None = None,
    tries: int | None = None,
    refresh: bool = False,
) -> Failure:
    error = ProviderError(code, "it failed", can_retry=can_retry, retry_after=retry_after, status=500)
    return Failure(error, tries, refresh)


class Script:
    """An attempt that gives prepared outcomes, the last one for ever, each after some seconds."""

    def __init__(self, clock: FakeClock, *outcomes: str | Failure, takes: float = 0.0) -> None:
        self.clock, self.outcomes, self.takes = clock, list(outcomes), takes
        self.calls = 0

    def __call__(self) -> str | Failure:
        self.clock.passed += self.takes
        self.calls += 1
        return self.outcomes[min(self.calls, len(self.outcomes)) - 1]


def run(script: Script, *, lost: LostTime | None = None, policy: RetryPolicy = STEADY) -> str:
    return attempt_until_done(script, policy=policy, clock=script.clock, lost=lost or LostTime(policy.total_wait))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("1.5", 1.5),
        ("0", 0.0),
        ("-3", None),
        ("86400", 86_400.0),
        ("999999999", 86_400.0),
        ("9" * 400, None),
        ("soon", None),
        ("", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("Mon, 04 May 2026 12:00:30 GMT", 30.0),
        ("Mon, 04 May 2026 14:00:30 +0200", 30.0),
        ("Monday, 04-May-26 12:00:30 GMT", 30.0),
        ("Mon, 04 May 2026 11:00:00 GMT", None),
        ("Tue, 05 May 2026 12:00:00 GMT", 86_400.0),
        ("Mon, 99 May 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_read_in_every_form(text: str, seconds: float | None) -> None:
    assert read_retry_after({"retry-after": text}, NOW) == seconds


def test_an_absent_retry_after_says_nothing() -> None:
    assert read_retry_after({}, NOW) is None


def test_a_retry_after_date_is_measured_by_the_servers_own_clock() -> None:
    """A clock of ours that is an hour off must not turn 30 seconds into an hour."""
    headers = {"retry-after": "Mon, 04 May 2026 13:00:30 GMT", "date": "Mon, 04 May 2026 13:00:00 GMT"}
    assert read_retry_after(headers, NOW) == 30.0


def test_waits_grow_from_one_second_to_one_minute() -> None:
    assert [round(STEADY.wait(tries, None) or 0, 1) for tries in range(1, 8)] == [1.0, 2.8, 7.8, 22.0, 60.0, 60.0, 60.0]


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
def test_jitter_shortens_a_backoff_by_at_most_half_and_never_an_asked_wait(chance: float) -> None:
    policy = RetryPolicy(chance=lambda: chance)
    assert 0.5 <= (policy.wait(1, None) or 0) <= 1.0
    assert 20.0 <= (policy.wait(1, 20.0) or 0) <= 21.0


def test_retry_after_zero_is_no_order_to_hurry() -> None:
    """Nango rounds its Retry-After down, so 0 means up to a second."""
    assert STEADY.wait(1, 0.0) == 1.0


@pytest.mark.parametrize(("asked", "wait"), [(600.0, 600.0), (600.1, None), (86_400.0, None)])
def test_ten_minutes_is_the_longest_wait_on_request(asked: float, wait: float | None) -> None:
    assert STEADY.wait(1, asked) == wait


def test_the_products_policy_allows_six_attempts_and_a_quarter_of_an_hour() -> None:
    assert (DEFAULT_POLICY.attempts, DEFAULT_POLICY.total_wait, DEFAULT_POLICY.longest_retry_after) == (6, 900, 600)


@pytest.mark.parametrize("failures", range(6))
def test_up_to_five_failures_are_survived(failures: int) -> None:
    script = Script(FakeClock(), *[a_failure()] * failures, "done")
    assert run(script) == "done"
    assert script.calls == failures + 1


def test_six_failures_end_the_call_with_the_number_of_tries() -> None:
    script = Script(FakeClock(), a_failure())
    with pytest.raises(ProviderError, match=r"it failed \(tried 6 times\)") as caught:
        run(script)
    assert script.calls == 6
    assert script.clock.slept == [1.0, 2.8, 7.84, 21.952, 60.0]
    assert caught.value.can_retry
    assert caught.value.facts == {"status": 500}


def test_a_lasting_error_is_raised_at_once_and_unchanged() -> None:
    failure = a_failure(can_retry=False)
    script = Script(FakeClock(), failure)
    with pytest.raises(ProviderError) as caught:
        run(script)
    assert caught.value is failure.error
    assert script.clock.slept == []


def test_a_wait_is_told_to_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A run that stands still for minutes has to say why."""
    with caplog.at_level("INFO", logger="crm_pipeline"):
        run(Script(FakeClock(), a_failure(retry_after=42.0), "done"))
    assert caplog.messages == ["it failed; trying again in 42.0 s"]


def test_retry_after_is_waited_for() -> None:
    script = Script(FakeClock(), a_failure(retry_after=42.0), "done")
    run(script)
    assert script.clock.slept == [42.0]


def test_a_request_to_wait_a_day_ends_the_call_and_keeps_the_advice() -> None:
    script = Script(FakeClock(), a_failure(code="rate_limited", retry_after=86_400.0))
    with pytest.raises(ProviderError) as caught:
        run(script)
    assert (script.calls, caught.value.retry_after) == (1, 86_400.0)


def test_a_kind_of_failure_may_have_its_own_bound() -> None:
    script = Script(FakeClock(), a_failure(tries=2))
    with pytest.raises(ProviderError, match="tried 2 times"):
        run(script)


def test_bounds_of_different_failures_are_counted_apart() -> None:
    script = Script(FakeClock(), a_failure(), a_failure(code="unexpected_response", tries=3), a_failure(), "done")
    assert run(script) == "done"


def test_waits_of_all_calls_of_a_run_add_up_to_a_quarter_of_an_hour_at_most() -> None:
    """A CRM that fails every page five times must not stretch a run for hours."""
    clock, lost = FakeClock(), LostTime(STEADY.total_wait)
    for _ in range(9):
        run(Script(clock, a_failure(retry_after=100.0), "done"), lost=lost)
    tenth = Script(clock, a_failure(retry_after=100.0), "done")
    with pytest.raises(ProviderError):
        run(tenth, lost=lost)
    assert (clock.slept, tenth.calls) == ([100.0] * 9, 1)


def test_time_spent_in_failed_attempts_counts_as_lost() -> None:
    """Six time-outs of a minute are six minutes of nothing, sleeping or not."""
    script = Script(FakeClock(), a_failure(), takes=300.0)
    with pytest.raises(ProviderError, match="tried 3 times"):
        run(script)


def test_time_spent_in_good_attempts_is_not_lost() -> None:
    clock, lost = FakeClock(), LostTime(10.0)
    for _ in range(5):
        assert run(Script(clock, "done", takes=100.0), lost=lost) == "done"
    assert lost.may_wait(10.0)


def test_a_refused_token_is_renewed_once_without_waiting() -> None:
    script, renewed = Script(FakeClock(), a_failure(refresh=True, can_retry=False), "done"), []
    done = attempt_until_done(
        script, policy=STEADY, clock=script.clock, lost=LostTime(900), refresh=lambda: renewed.append(1)
    )
    assert (done, renewed, script.clock.slept) == ("done", [1], [])


def test_a_token_refused_again_ends_the_call() -> None:
    script, renewed = Script(FakeClock(), a_failure(code="connection_expired", refresh=True, can_retry=False)), []
    with pytest.raises(PipelineError, match="tried 2 times"):
        attempt_until_done(
            script, policy=STEADY, clock=script.clock, lost=LostTime(900), refresh=lambda: renewed.append(1)
        )
    assert renewed == [1]


def test_without_a_way_to_renew_the_first_refusal_ends_the_call() -> None:
    script = Script(FakeClock(), a_failure(code="connection_expired", refresh=True, can_retry=False))
    with pytest.raises(PipelineError):
        run(script)
    assert script.calls == 1
