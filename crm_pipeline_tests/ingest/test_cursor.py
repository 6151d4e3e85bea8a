"""Where the next pass starts: never behind what was read, resumed only while it is the same pass, deep once an hour."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.ingest.cursor import (
    COMPLETE_EVERY,
    DEEP_EVERY,
    DEEP_OVERLAP,
    OVERLAP,
    RESUME_WITHIN,
    PassPlan,
    State,
    page_landed,
    pass_landed,
    plan_pass,
    references_since,
)

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


def after_a_complete_pass(at: datetime = NOON) -> dict[str, Any]:
    state: dict[str, Any] = {}
    pass_landed(state, plan_pass(state, now=at, full=False))
    return state


def interrupted(state: dict[str, Any], at: datetime, *, full: bool = False, resume: str = "list:7") -> PassPlan:
    plan = plan_pass(state, now=at, full=full)
    page_landed(state, plan, resume)
    return plan


def test_the_first_pass_is_complete() -> None:
    assert plan_pass({}, now=NOON, full=False) == PassPlan(kind="complete", started_at=NOON, is_deep=True)


def test_the_second_pass_starts_at_the_start_of_the_first_minus_an_overlap() -> None:
    plan = plan_pass(after_a_complete_pass(), now=NOON + 10 * MINUTE, full=False)
    assert (plan.kind, plan.since, plan.is_deep) == ("window", NOON - OVERLAP, False)


def test_full_asks_for_everything() -> None:
    plan = plan_pass(after_a_complete_pass(), now=NOON + MINUTE, full=True)
    assert (plan.kind, plan.since, plan.resume) == ("complete", None, None)


def test_a_week_after_a_complete_pass_comes_another() -> None:
    state = after_a_complete_pass()
    assert plan_pass(state, now=NOON + COMPLETE_EVERY, full=False).kind == "window"
    assert plan_pass(state, now=NOON + COMPLETE_EVERY + MINUTE, full=False).kind == "complete"


def test_the_deep_overlap_is_taken_once_an_hour() -> None:
    state, deep = after_a_complete_pass(), []
    for minutes in range(5, 24 * 60, 5):
        now = NOON + minutes * MINUTE
        plan = plan_pass(state, now=now, full=False)
        assert plan.since is not None
        if plan.is_deep:
            deep.append(now)
        pass_landed(state, plan)
    gaps = {later - earlier for earlier, later in itertools.pairwise(deep)}
    assert gaps == {HOUR}


def test_an_hourly_schedule_is_always_deep() -> None:
    """Two hours of look-back are worth nothing if a schedule that ticks a second early never takes them."""
    state = after_a_complete_pass()
    for hours in range(1, 30):
        plan = plan_pass(state, now=NOON + hours * HOUR - timedelta(seconds=hours % 2), full=False)
        assert plan.is_deep
        pass_landed(state, plan)


def test_a_window_pass_does_not_put_off_the_complete_one() -> None:
    state = after_a_complete_pass()
    now = NOON
    while now < NOON + COMPLETE_EVERY:
        now += 6 * HOUR
        plan = plan_pass(state, now=now, full=False)
        pass_landed(state, plan)
    assert plan_pass(state, now=now + MINUTE, full=False).kind == "complete"


def test_an_interrupted_pass_is_the_same_pass_when_it_goes_on() -> None:
    state = after_a_complete_pass()
    first = interrupted(state, NOON + HOUR, resume="search:9")
    again = plan_pass(state, now=NOON + 2 * HOUR, full=False)
    assert (again.kind, again.started_at, again.since, again.is_deep) == (
        "window",
        first.started_at,
        first.since,
        first.is_deep,
    )
    assert again.resume == "search:9"


def test_the_watermark_of_a_resumed_pass_is_its_first_start() -> None:
    """What changed behind the pages of the first run has to be read by the next pass."""
    state: dict[str, Any] = {}
    interrupted(state, NOON)
    pass_landed(state, plan_pass(state, now=NOON + 5 * HOUR, full=False))
    following = plan_pass(state, now=NOON + 5 * HOUR + MINUTE, full=False)
    assert following.since is not None
    assert following.since <= NOON - OVERLAP


@pytest.mark.parametrize(
    ("age", "resumes"),
    [(timedelta(0), True), (RESUME_WITHIN, True), (RESUME_WITHIN + MINUTE, False), (-MINUTE, False)],
    ids=["at once", "a day", "more than a day", "clock jumped back"],
)
def test_only_a_pass_of_the_last_day_goes_on(age: timedelta, resumes: bool) -> None:
    state: dict[str, Any] = {}
    interrupted(state, NOON)
    plan = plan_pass(state, now=NOON + age, full=False)
    assert (plan.resume is not None) is resumes
    assert plan.started_at == (NOON if resumes else NOON + age)


def test_full_goes_on_with_a_complete_pass_but_not_with_a_window_pass() -> None:
    complete: dict[str, Any] = {}
    interrupted(complete, NOON)
    assert plan_pass(complete, now=NOON + MINUTE, full=True).resume == "list:7"
    window = after_a_complete_pass()
    interrupted(window, NOON + MINUTE, resume="search:7")
    assert plan_pass(window, now=NOON + 2 * MINUTE, full=True).resume is None


def test_a_page_moves_nothing_but_the_place_to_go_on() -> None:
    state = after_a_complete_pass()
    before = dict(state)
    interrupted(state, NOON + HOUR, resume="search:1")
    interrupted(state, NOON + HOUR + MINUTE, resume="search:2")
    unfinished = state.pop("unfinished")
    assert state == before
    assert (unfinished["resume"], unfinished["started_at"]) == ("search:2", (NOON + HOUR).isoformat())


def test_the_end_of_a_pass_forgets_the_place_to_go_on() -> None:
    state: dict[str, Any] = {}
    interrupted(state, NOON)
    pass_landed(state, plan_pass(state, now=NOON + MINUTE, full=False))
    assert "unfinished" not in state


def test_the_state_survives_json() -> None:
    """dlt keeps it as JSON in the destination."""
    state = after_a_complete_pass()
    interrupted(state, NOON + HOUR, resume="search:3")
    read = orjson.loads(orjson.dumps(state))
    later = NOON + 2 * HOUR
    assert plan_pass(read, now=later, full=False) == plan_pass(state, now=later, full=False)


RUNS = st.lists(
    st.tuples(
        st.integers(min_value=0, max_value=60 * 24 * 9),  # minutes since the run before
        st.sampled_from(["ends", "interrupted", "nothing"]),
        st.integers(min_value=0, max_value=90),  # minutes the run takes
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)


@given(RUNS)
def test_nothing_changes_unseen_whatever_the_runs(runs: list[tuple[int, str, int, bool]]) -> None:
    """Every moment up to the start of the last finished pass is inside a finished one, and the next pass joins it."""
    state: dict[str, Any] = {}
    covered_until: datetime | None = None
    now = NOON
    for wait, ending, takes, full in runs:
        now += wait * MINUTE
        plan = plan_pass(state, now=now, full=full)
        assert plan.started_at <= now
        assert plan.resume is None or now - plan.started_at <= RESUME_WITHIN
        if plan.kind == "window":
            assert covered_until is not None
            assert plan.since is not None
            assert plan.since <= covered_until - OVERLAP
            assert not plan.is_deep or plan.resume or plan.since <= covered_until - DEEP_OVERLAP
        now += takes * MINUTE
        if ending == "interrupted":
            page_landed(state, plan, "somewhere")
        elif ending == "ends":
            pass_landed(state, plan)
            covered_until = plan.started_at
    watermark = state.get("watermark")
    assert (datetime.fromisoformat(watermark) if watermark else None) == covered_until


@given(RUNS)
def test_a_finished_window_pass_was_deep_within_the_hour(runs: list[tuple[int, str, int, bool]]) -> None:
    state: dict[str, Any] = {}
    deep_at: datetime | None = None
    now = NOON
    for wait, ending, _, full in runs:
        now += wait * MINUTE
        plan = plan_pass(state, now=now, full=full)
        if plan.resume is None and not plan.is_deep:
            assert deep_at is not None
            assert now - deep_at <= DEEP_EVERY
        if ending == "ends":
            pass_landed(state, plan)
            deep_at = plan.started_at if plan.is_deep else deep_at
        elif ending == "interrupted":
            page_landed(state, plan, "somewhere")


@given(st.timedeltas(min_value=timedelta(0), max_value=30 * DAY), st.booleans())
def test_a_clock_that_jumps_back_asks_for_nothing_in_the_future(jump: timedelta, full: bool) -> None:
    """HubSpot answers a `since` in its future with nothing at all, and that would look like a quiet CRM."""
    state = after_a_complete_pass(NOON + jump)
    plan = plan_pass(state, now=NOON, full=full)
    assert plan.started_at == NOON
    assert plan.since is None or plan.since <= NOON - OVERLAP


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=2), timedelta(days=30)], ids=str)
def test_changes_since_a_pass_made_under_a_wrong_clock_are_read(ahead: timedelta) -> None:
    """The clock was ahead when a pass was made at noon and is right again at one: what changed since noon is due."""
    plan = plan_pass(after_a_complete_pass(NOON + ahead), now=NOON + HOUR, full=False)
    assert plan.kind == "complete" or (plan.since is not None and plan.since <= NOON)


def test_what_could_not_be_read_and_can_again_makes_the_next_pass_complete() -> None:
    state: State = {}
    pass_landed(state, plan_pass(state, now=NOON, full=False), unread=["lead"])
    pass_landed(state, plan_pass(state, now=NOON + HOUR, full=False), unread=["lead"])
    window = plan_pass(state, now=NOON + 2 * HOUR, full=False)
    assert window.kind == "window", "still out of reach"
    pass_landed(state, window)
    again = plan_pass(state, now=NOON + 3 * HOUR, full=False)
    assert again.kind == "complete"
    pass_landed(state, again)
    assert plan_pass(state, now=NOON + 4 * HOUR, full=False).kind == "window"


def test_a_complete_pass_that_can_read_again_needs_no_second_one() -> None:
    state: State = {}
    pass_landed(state, plan_pass(state, now=NOON, full=False), unread=["lead"])
    pass_landed(state, plan_pass(state, now=NOON + HOUR, full=True))
    assert plan_pass(state, now=NOON + 2 * HOUR, full=False).kind == "window"


def test_what_the_first_part_of_a_pass_could_not_read_is_known_to_the_second() -> None:
    state: State = {}
    page_landed(state, plan_pass(state, now=NOON, full=False), "page 3", unread=["lead"])
    assert plan_pass(state, now=NOON + HOUR, full=False).unread == {"lead"}


def test_references_are_read_whole_with_every_new_complete_pass_and_by_change_otherwise() -> None:
    state: State = {}
    first = plan_pass(state, now=NOON, full=False)
    assert references_since(state, first, NOON) is None
    state["references_at"] = NOON.isoformat()
    page_landed(state, first, "page 1")
    resumed = plan_pass(state, now=NOON + timedelta(hours=1), full=False)
    assert references_since(state, resumed, NOON + timedelta(hours=1)) == NOON - DEEP_OVERLAP, "they were read already"
    pass_landed(state, resumed)
    window = plan_pass(state, now=NOON + timedelta(hours=2), full=False)
    assert references_since(state, window, NOON + timedelta(hours=2)) == NOON - DEEP_OVERLAP
    again = plan_pass(state, now=NOON + timedelta(hours=3), full=True)
    assert references_since(state, again, NOON + timedelta(hours=3)) is None


def test_a_crm_that_tells_no_deletions_is_read_whole_every_day() -> None:
    state: State = {}
    pass_landed(state, plan_pass(state, now=NOON, full=False))
    later = NOON + timedelta(hours=25)
    assert plan_pass(state, now=later, full=False).kind == "window"
    assert plan_pass(state, now=later, full=False, complete_every=timedelta(days=1)).kind == "complete"
