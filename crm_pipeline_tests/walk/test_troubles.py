"""A trouble is told once, and once that it is over, on each channel; on both engines."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from crm_pipeline.errors import NangoError, PipelineError, ProviderError, SyncUnfinished
from crm_pipeline.notices.channels import NotSent, Webhook
from crm_pipeline.notices.message import Message
from crm_pipeline.settings import Secret
from crm_pipeline.walk import books
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.checks import check_account
from crm_pipeline.walk.leads import Results
from crm_pipeline.walk.troubles import TELLING, tell
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.notices.servers import webhook
from crm_pipeline_tests.walk.world import START, World, a_payload

EXPIRED = NangoError("connection_expired", "acme/main: the CRM said Ann Lee (+1 212 736 5001, ann@acme.example) no.")
LIMITED = ProviderError("rate_limited", "HubSpot asks to wait.")
DOWN = ProviderError("provider_unavailable", "HubSpot does not answer.")


@dataclass(slots=True)
class Ears:
    """A channel that keeps what it hears, and can be out of order."""

    name: str = "ears"
    target: str = "the ears of a test"
    heard: list[Message] = field(default_factory=list)
    is_broken: bool = False

    def send(self, message: Message) -> None:
        if self.is_broken:
            raise NotSent("it is out of order")
        self.heard.append(message)

    def subjects(self) -> list[str]:
        """What was heard since the last time somebody asked."""
        subjects = [message.subject for message in self.heard]
        self.heard.clear()
        return subjects


@dataclass(slots=True)
class Place:
    """A store, whose session is not open meanwhile, and a clock."""

    warehouse: Warehouse
    ears: Ears = field(default_factory=Ears)
    clock: timedelta = timedelta()

    def world(self, session: object) -> World:
        return World(session, clock=START + self.clock)  # type: ignore[arg-type]

    def ends(self, error: PipelineError | None, *, on: str = "main", status: str | None = None) -> UUID:
        """A sync of a connection that ends so, at the present time."""
        with self.warehouse.session() as session:
            connection, sync_id, now = self.world(session).connection(on), uuid4(), START + self.clock
            books.open_run(session, connection, sync_id=sync_id, strategy="append", trigger="schedule", now=now)
            result = SyncResult(
                sync_id=sync_id, connection=connection, strategy="append", pass_kind="window",
                status=status or ("failed" if error else "succeeded"), results=Results(), requests=1, started_at=now,
                finished_at=now, error=error,
            )  # fmt: skip
            with session.transaction():
                books.close_run(session, result)
            return sync_id

    def told(self, after: timedelta = timedelta(minutes=1)) -> list[str]:
        """What is told when somebody looks a while later."""
        self.clock += after
        problems = tell(self.warehouse, [self.ears], now=START + self.clock)
        return self.ears.subjects() + problems

    def select(self, query: str) -> None:
        with self.warehouse.session() as session:
            session.execute(query)  # type: ignore[attr-defined]


@pytest.fixture
def place(store_url: str, tmp_path: Path) -> Place:
    return Place(Warehouse(store_url, data_dir=tmp_path))


HOUR = timedelta(hours=1)
FAILING, WELL = ["CRM sync failing: acme, HubSpot"], ["CRM sync works again: acme, HubSpot"]


def test_a_trouble_is_told_once_and_its_end_once(place: Place) -> None:
    assert place.told() == []
    place.ends(EXPIRED)
    tell(place.warehouse, [place.ears], now=START + place.clock)
    (message,) = place.ears.heard
    assert message.subject == FAILING[0]
    assert "`crm-pipeline connect acme hubspot`" in message.text
    assert [secret for secret in ("5001", "@acme") if secret in message.text] == []
    place.ears.heard.clear()
    for _ in range(3):
        place.clock += HOUR
        place.ends(EXPIRED)
        assert place.told() == []
    place.ends(None)
    assert place.told() == WELL
    assert place.told() == []
    place.ends(EXPIRED)
    assert place.told() == FAILING, "a new trouble is told again"


def test_what_heals_by_itself_is_told_only_when_it_lasts(place: Place) -> None:
    place.ends(LIMITED)
    assert place.told() == []
    place.clock += HOUR
    place.ends(None)
    assert place.told() == []
    place.ends(LIMITED)
    assert place.told() == []
    place.clock += HOUR
    place.ends(LIMITED)
    assert place.told(HOUR) == FAILING
    place.ends(EXPIRED)
    assert place.told() == FAILING, "another trouble needs something else done"
    place.ends(LIMITED)
    assert place.told() == [], "but each is told once"
    place.ends(None)
    assert place.told() == WELL


def test_a_notice_that_cannot_be_sent_is_tried_again(place: Place) -> None:
    place.ears.is_broken = True
    place.ends(EXPIRED)
    for _ in range(2):
        assert place.told() == ["A notice could not be sent and is tried again: it is out of order."]
    place.ears.is_broken = False
    assert place.told() == FAILING
    place.ears.is_broken = True
    place.ends(None)
    assert len(place.told()) == 1
    place.ears.is_broken = False
    assert place.told() == WELL


def test_each_channel_is_told_by_itself_and_one_that_is_broken_stops_no_other(place: Place) -> None:
    place.ends(EXPIRED)
    place.ears.is_broken = True
    with webhook() as received:
        channel = Webhook(url=Secret(f"http://127.0.0.1:{received.port}/hook"))
        for _ in range(2):
            assert len(tell(place.warehouse, [place.ears, channel], now=START)) == 1
        assert len(received.posts) == 1
    place.ears.is_broken = False
    assert place.told() == FAILING


def test_several_connections_are_one_message(place: Place) -> None:
    place.ends(EXPIRED)
    place.ends(EXPIRED, on="second")
    assert place.told() == ["CRM sync failing: 2 connections"]
    place.ends(None)
    assert place.told() == WELL


def test_two_syncs_cut_short_in_a_row_are_a_trouble_and_one_is_none(place: Place) -> None:
    place.ends(None, status="interrupted")
    assert place.told(HOUR) == []
    place.ends(None, status="interrupted")
    assert place.told() == FAILING
    place.clock += HOUR
    place.ends(None)
    assert place.told() == WELL


def test_a_connection_that_nobody_syncs_and_one_that_nango_gave_up_are_told(place: Place) -> None:
    place.ends(None)
    assert place.told(timedelta(hours=25)) == []
    assert place.told(timedelta(hours=2)) == FAILING
    place.ends(None)
    assert place.told() == WELL
    place.select("update crm_connections set state = 'needs_reconnect'")
    assert place.told() == FAILING
    place.select("update crm_connections set state = 'disconnected', is_active = false")
    assert place.told() == [], "who disconnects it knows"


def test_wrong_leads_are_told_once_and_once_that_they_are_right_again(place: Place) -> None:
    def check() -> list[str]:
        with place.warehouse.session() as session:
            outcomes = check_account(session, "acme", now=START + place.clock)
        return [one.check.name for one in outcomes if not one.passed]

    with place.warehouse.session() as session:
        place.world(session).sync(a_payload("1", first="Ann", last="Lee", phone="212 736 5001"))
    assert check() == []
    assert place.told() == []
    place.select("update leads set phone = 'none'")
    assert check() == ["phones_not_e164"]
    tell(place.warehouse, [place.ears], now=START + place.clock)
    (message,) = place.ears.heard
    assert message.subject == "Wrong leads: acme"
    assert "(phones_not_e164)" in message.text
    assert "`crm-pipeline rebuild --account acme`" in message.text
    place.ears.heard.clear()
    assert check() == ["phones_not_e164"]
    assert place.told() == []
    place.ends(EXPIRED)
    assert place.told() == FAILING, "a connection of the account is another matter"
    place.select("update leads set phone = '+12127365001'")
    assert check() == []
    assert place.told() == ["Leads are right again: acme"]
    assert place.told() == []


def test_two_who_tell_at_once_do_not_tell_twice(place: Place) -> None:
    place.ends(EXPIRED)
    with place.warehouse.connection_lock(TELLING):
        assert place.told() == []
    assert place.told() == FAILING


def test_what_heals_by_itself_is_told_when_it_lasts_whatever_it_is_called_each_hour(place: Place) -> None:
    """A CRM that is down says so in turns: 429, 503, time-outs. None of them lasts, the trouble does."""
    place.ends(LIMITED)
    assert place.told() == []
    place.clock += HOUR
    place.ends(DOWN)
    assert place.told() == []
    place.clock += HOUR
    place.ends(LIMITED)
    assert place.told() == FAILING
    place.clock += HOUR
    place.ends(DOWN)
    assert place.told() == FAILING, "another code is another trouble, as ever"
    place.clock += HOUR
    place.ends(None)
    assert place.told() == WELL


def test_a_sync_that_goes_on_in_another_run_was_not_cut_short(place: Place) -> None:
    for _ in range(3):
        place.ends(SyncUnfinished("unfinished", "acme/main: its time is over."), status="interrupted")
        assert place.told() == []
