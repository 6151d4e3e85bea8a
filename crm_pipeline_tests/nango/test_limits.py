"""Pacing."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest

from crm_pipeline.nango.limits import SYSTEM_CLOCK, Rate, TokenBucket
from crm_pipeline_tests.nango.fake_nango import FakeClock, a_bucket


def test_a_burst_is_free_and_then_calls_are_spread() -> None:
    bucket = a_bucket(FakeClock(), per_second=2.0, burst=3)
    assert [bucket.take() for _ in range(6)] == [0, 0, 0, 0.5, 0.5, 0.5]


def test_rest_fills_the_bucket_up_to_its_burst_and_no_further() -> None:
    clock = FakeClock()
    bucket = a_bucket(clock, per_second=2.0, burst=2)
    clock.passed += 1000
    assert [bucket.take() for _ in range(3)] == [0, 0, 0.5]


def test_a_pause_holds_everybody() -> None:
    bucket = a_bucket(FakeClock(), burst=5)
    bucket.pause(30)
    assert bucket.take() == 30


def test_a_shorter_pause_does_not_end_a_longer_one() -> None:
    bucket = a_bucket(FakeClock(), burst=5)
    bucket.pause(30)
    bucket.pause(1)
    assert bucket.take() == 30


@pytest.mark.parametrize(("per_second", "burst"), [(0, 1), (-1, 1), (float("nan"), 1), (1, 0)])
def test_an_impossible_rate_is_refused(per_second: float, burst: int) -> None:
    with pytest.raises(ValueError, match="a rate needs"):
        Rate(per_second, burst)


def test_threads_together_stay_within_the_rate() -> None:
    """Eight threads asking 10 times each reserve 80 slots a tenth of a second apart, none twice."""

    class Reserving(FakeClock):
        def sleep(self, seconds: float) -> None:
            self.slept.append(round(seconds, 3))

    clock = Reserving()
    bucket = TokenBucket(Rate(10.0, 1), clock=clock)
    threads = [threading.Thread(target=lambda: [bucket.take() for _ in range(10)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(clock.slept) == [round(number / 10, 3) for number in range(1, 80)]


def test_the_system_clock_is_in_utc_and_moves_on() -> None:
    began = SYSTEM_CLOCK.monotonic()
    SYSTEM_CLOCK.sleep(0.001)
    assert SYSTEM_CLOCK.monotonic() > began
    assert SYSTEM_CLOCK.now().utcoffset() == timedelta(0)
