from __future__ import annotations

from crm_pipeline_tests.sandbox.caller import SetClock, a_sandbox


def test_hubspots_limits_are_off_by_default() -> None:
    with a_sandbox(3, clock=SetClock()) as caller:
        assert {caller.contacts().status for _ in range(150)} == {200}


def test_the_burst_limit_is_110_calls_in_ten_seconds() -> None:
    clock = SetClock()
    with a_sandbox(3, clock=clock, hubspot_limits=True) as caller:
        assert {caller.contacts().status for _ in range(110)} == {200}
        refused = caller.contacts()
        assert (refused.status, refused.json["errorType"]) == (429, "RATE_LIMIT")
        assert refused.json["policyName"] == "TEN_SECONDLY_ROLLING"
        assert "retry-after" not in refused.headers
        assert refused.headers["x-hubspot-ratelimit-remaining"] == "0"
        clock.move(10.001)
        assert caller.contacts().status == 200


def test_searches_have_their_own_limit_and_carry_no_limit_headers() -> None:
    clock = SetClock()
    with a_sandbox(3, clock=clock, hubspot_limits=True) as caller:
        assert {caller.search().status for _ in range(4)} == {200}
        refused = caller.search()
        assert (refused.status, refused.json["policyName"]) == (429, "SECONDLY")
        assert not [name for name in refused.headers if name.startswith("x-hubspot-ratelimit")]
        assert caller.contacts().status == 200
        clock.move(1.001)
        assert caller.search().status == 200


def test_one_portals_limit_does_not_bind_another() -> None:
    with a_sandbox(3, clock=SetClock(), hubspot_limits=True) as caller:
        for _ in range(5):
            caller.search()
        other = caller.sandbox.book.of_account("globex")[0].connection_id
        search = "/crm/v3/objects/contacts/search"
        assert caller.crm("POST", search, {}, Connection_Id=other).status == 200
