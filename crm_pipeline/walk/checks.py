"""What must hold of an account's leads, and what a person should look at.

Each check is a file of `sql/checks/` that finds what is wrong; this module says what it means and what to do. Examples
hold ids and never a name, a phone or an e-mail. Dagster and the command `check` both run them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from crm_pipeline.warehouse.session import Row, Session

EXAMPLES = 5
"""Offenders that are shown of each check; its count is of all."""
STALE_AFTER = timedelta(hours=3)
"""Syncs are hourly: one that fails is nothing yet, three are."""
COUNTED_FOR = timedelta(days=30)
DAYS, FEWEST_DAYS = 29, 7
"""Days that are looked back on, and how many of them say what is usual."""
LEADS_MOVE, LEADS_SHARE = 20, 0.2
"""A day's change of no more leads than this, or of a smaller share of them, is never unusual."""
SHARE_MOVE = 0.1
"""Nor is a change of the share of rejected contacts by less than ten in a hundred."""
USUAL_TIMES = 3
"""What is more than so many times the largest change of a day within four weeks is unusual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that must hold. `is_blocking`: a lead is wrong otherwise, and nobody should build on it."""

    name: str
    is_blocking: bool
    holds: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a check found in one account."""

    check: Check
    account_id: str
    wrong: int
    found: str
    examples: Sequence[Row] = ()

    @property
    def passed(self) -> bool:
        return self.wrong == 0

    @property
    def action(self) -> str:
        """What to do about it."""
        return self.check.action.replace("ACCOUNT", self.account_id)

    def as_dict(self) -> dict[str, Any]:
        """The published shape of one entry of `check --json`."""
        return {
            "account_id": self.account_id,
            "check": self.check.name,
            "severity": "blocking" if self.check.is_blocking else "warning",
            "passed": self.passed,
            "wrong": self.wrong,
            "found": self.found,
            "action": None if self.passed else self.action,
            "examples": list(self.examples),
        }


REBUILD = (
    "Run `crm-pipeline rebuild --account ACCOUNT`, which matches everybody anew from what the CRMs sent. If it comes "
    "back, report it to the maintainers with the ids."
)
SHARING = Check(
    name="leads_sharing_a_phone",
    is_blocking=True,
    holds="No two leads share a phone, unless too many people do or a person said to keep them apart.",
    action=REBUILD,
)
PLACED = Check(
    name="contacts_without_one_lead",
    is_blocking=True,
    holds="Every accepted contact is in exactly one lead, and no other contact is in any.",
    action=REBUILD,
)
BACKED = Check(
    name="leads_without_a_contact",
    is_blocking=True,
    holds="Every lead that may be texted has a contact in some CRM.",
    action=REBUILD,
)
E164 = Check(
    name="phones_not_e164",
    is_blocking=True,
    holds="Every phone of a lead is written as E.164.",
    action=REBUILD,
)
COUNTS = Check(
    name="counts_not_adding_up",
    is_blocking=False,
    holds="Of every sync: fetched = created + merged + updated + unchanged + skipped.",
    action="The leads are not concerned, the counts of these syncs are: report their ids to the maintainers.",
)
LEADS = Check(
    name="lead_count_unusual",
    is_blocking=False,
    holds="The number of leads moves in a day no more than it usually does.",
    action="Look at `crm-pipeline history --account ACCOUNT`. Leads that an overwrite removed come back with "
    "`crm-pipeline restore`.",
)
REJECTIONS = Check(
    name="rejection_share_unusual",
    is_blocking=False,
    holds="The share of contacts that cannot be leads moves in a day no more than it usually does.",
    action="Look at why: `crm-pipeline rejections ACCOUNT`. A field mapping or default region that was changed, or an "
    "import into the CRM, can make many contacts unusable at once.",
)
FRESH = Check(
    name="connections_not_fresh",
    is_blocking=False,
    holds=f"Every connection in use was synced within {STALE_AFTER.total_seconds() / 3600:.0f} hours.",
    action="Look at `crm-pipeline status --account ACCOUNT`: it says what the last sync met and what to do. Where it "
    "says nothing, no sync was started: look at the schedule.",
)
CHECKS = (SHARING, PLACED, BACKED, E164, COUNTS, LEADS, REJECTIONS, FRESH)


def check_account(session: Session, account_id: str, *, now: datetime) -> list[Outcome]:
    """Note what the account has today, for later days to compare with, run every check, and note which fail."""
    with session.transaction():
        session.run("checks/note_day", account_id=account_id, today=now.date())
    outcomes = run_checks(session, account_id, now=now)
    with session.transaction():
        for outcome in outcomes:
            _note(session, outcome, now)
    return outcomes


def is_due(session: Session, account_id: str, *, now: datetime) -> bool:
    """Whether the account has to be checked although no sync changed its leads."""
    keys: dict[str, Any] = {"account_id": account_id, "today": now.date(), "stale_before": now - STALE_AFTER}
    return bool(session.rows("checks/is_due", **keys)[0]["is_due"])


def _note(session: Session, outcome: Outcome, now: datetime) -> None:
    keys = {"account_id": outcome.account_id, "name": outcome.check.name}
    if outcome.passed:
        session.run("checks/forget_failing", **keys)
        return
    session.run(
        "checks/note_failing",
        **keys,
        is_blocking=outcome.check.is_blocking,
        message=f"{outcome.check.holds} {outcome.found}",
        action=outcome.action,
        now=now,
    )


def run_checks(session: Session, account_id: str, *, now: datetime) -> list[Outcome]:
    """Every check of one account, in the order of `CHECKS`. Only reads."""
    keys = {"account_id": account_id, "since": now - COUNTED_FOR, "stale_before": now - STALE_AFTER}
    days = session.rows("checks/account_days", account_id=account_id, today=now.date(), day_limit=DAYS)
    history = {LEADS: judge_leads, REJECTIONS: judge_rejections}
    return [
        _judged(check, account_id, history[check](days)) if check in history else _searched(session, check, keys)
        for check in CHECKS
    ]


def _searched(session: Session, check: Check, keys: dict[str, Any]) -> Outcome:
    rows = session.rows(f"checks/{check.name}", **keys, example_limit=EXAMPLES)
    wrong = int(rows[0]["total"]) if rows else 0
    examples = tuple({name: value for name, value in row.items() if name != "total"} for row in rows)
    found = f"{wrong:,} found." if wrong else "None found."
    return Outcome(check=check, account_id=keys["account_id"], wrong=wrong, found=found, examples=examples)


def _judged(check: Check, account_id: str, verdict: tuple[bool, str]) -> Outcome:
    is_unusual, found = verdict
    return Outcome(check=check, account_id=account_id, wrong=int(is_unusual), found=found)


def judge_leads(days: Sequence[Row]) -> tuple[bool, str]:
    """Whether the newest day's number of leads is unusual, and what was found. `days` begin with the newest."""
    counts = [int(day["leads"]) for day in days]
    if (told := _too_early(counts)) is not None:
        return False, told
    moves = [abs(one - before) for one, before in pairwise(counts)]
    usual = max(moves[1:])
    is_unusual = moves[0] > max(LEADS_MOVE, LEADS_SHARE * counts[1], USUAL_TIMES * usual)
    return is_unusual, f"{counts[0]:,} leads after {counts[1]:,} the day before; a day moved at most {usual:,} so far."


def judge_rejections(days: Sequence[Row]) -> tuple[bool, str]:
    """The same of the share of contacts that were rejected."""
    shares = [int(day["rejected"]) / max(int(day["accepted"]) + int(day["rejected"]), 1) for day in days]
    if (told := _too_early(shares)) is not None:
        return False, told
    moves = [abs(one - before) for one, before in pairwise(shares)]
    usual = max(moves[1:])
    is_unusual = moves[0] > max(SHARE_MOVE, USUAL_TIMES * usual) and int(days[0]["rejected"]) > LEADS_MOVE
    return (
        is_unusual,
        f"{shares[0]:.1%} rejected after {shares[1]:.1%} the day before; a day moved at most {usual:.1%}.",
    )


def _too_early(days: Sequence[object]) -> str | None:
    if len(days) > FEWEST_DAYS:
        return None
    return f"Too early to say: {len(days)} of {FEWEST_DAYS + 1} days are known."
