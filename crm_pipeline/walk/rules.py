"""What a person says of two contacts: always together, or never. It outranks every phone and e-mail.

A rule takes effect in the transaction that sets it: the leads of its contacts are built anew, without a sync and
without the network, and what changes on them is written down as by a sync.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from typing import Literal
from uuid import UUID, uuid4

from crm_pipeline.domain.identity import USUAL_LIMITS, Limits
from crm_pipeline.errors import ConfigError
from crm_pipeline.walk.leads import rebuild_groups
from crm_pipeline.warehouse.session import Row, Session

Kind = Literal["together", "apart"]
Pair = tuple[str, str]
"""Two contact ids, the smaller one first."""
MOST_LISTED = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a person changed, and the leads that its contacts are in now."""

    id: UUID
    """Stands in `lead_changes` where a sync's id does."""
    account_id: str
    pairs: tuple[Pair, ...]
    contacts: tuple[Row, ...]


def pair(one: str, other: str) -> Pair:
    """Two contacts as a rule has them; nobody has a rule with themselves."""
    if one == other:
        raise ConfigError(
            "invalid_setting",
            "A rule is about two contacts, and these are the same.",
            action="Name two different ones.",
        )
    return (one, other) if one < other else (other, one)


def set_rules(
    session: Session,
    account_id: str,
    kind: Kind,
    pairs: Iterable[Pair],
    *,
    now: datetime,
    note: str | None = None,
    limits: Limits = USUAL_LIMITS,
) -> Change:
    """Say of each pair that it is always `together`, or always `apart`; replaces what was said of it before.

    Inside the caller's transaction.
    """
    session.lock_account(account_id)
    pairs = tuple(pairs)
    for one, other in pairs:
        session.run(
            "rules/save_rule",
            account_id=account_id,
            contact_id=one,
            other_contact_id=other,
            kind=kind,
            note=note,
            now=now,
        )
    return _rebuilt(session, account_id, pairs, now, limits)


def drop_rules(
    session: Session, account_id: str, pairs: Iterable[Pair], *, now: datetime, limits: Limits = USUAL_LIMITS
) -> Change:
    """Say nothing of these pairs any more: their phones and e-mails decide again. Inside the caller's transaction."""
    session.lock_account(account_id)
    pairs = tuple(pairs)
    for one, other in pairs:
        if not session.run("rules/drop_rule", account_id=account_id, contact_id=one, other_contact_id=other):
            raise ConfigError(
                "invalid_setting",
                "There is no rule about these two contacts.",
                action=f"List the rules with `crm-pipeline rules {account_id}`.",
            )
    return _rebuilt(session, account_id, pairs, now, limits)


def split_lead(
    session: Session,
    account_id: str,
    lead_id: str,
    contact_ids: Iterable[str],
    *,
    now: datetime,
    note: str | None = None,
    limits: Limits = USUAL_LIMITS,
) -> Change:
    """Keep some contacts of a lead apart from all the others it has, for good. Inside the caller's transaction."""
    session.lock_account(account_id)
    rows = session.rows("rules/lead_members", account_id=account_id, lead_id=lead_id)
    members, named = [str(row["contact_id"]) for row in rows], set(contact_ids)
    strangers = sorted(named - set(members))
    if strangers or named == set(members):
        away = session.rows("rules/placed_contacts", account_id=account_id, contact_ids=strangers)
        raise ConfigError(
            "invalid_setting",
            f"The lead {lead_id} does not have {_listed(away)}."
            if strangers
            else f"These are all the contacts of the lead {lead_id}: there is nobody to split them from.",
            action=f"It has {_listed(rows) or 'none'}.",
        )
    others = [member for member in members if member not in named]
    pairs = sorted(pair(one, other) for one, other in product(named, others))
    return set_rules(session, account_id, "apart", pairs, now=now, note=note, limits=limits)


def find_contact(session: Session, account_id: str, text: str) -> str:
    """The id of the contact that a person means by our id or by `provider:crm_id`."""
    provider, is_crm_id, crm_id = text.partition(":")
    if is_crm_id:
        found = _contacts(session, account_id, provider=provider.strip().lower(), crm_id=crm_id.strip())
    else:
        found = _contacts(session, account_id, contact_id=_uuid(text))
    if len(found) == 1:
        return str(found[0]["contact_id"])
    if found:
        listed = "; ".join(f"{row['contact_id']} ({row['object_type']}, {row['name']})" for row in found[:MOST_LISTED])
        raise ConfigError(
            "invalid_setting",
            f"{text} is {len(found)} contacts of {account_id}.",
            action=f"Name one by its id: {listed}.",
        )
    raise ConfigError(
        "invalid_setting",
        f"{account_id} has no contact {text}.",
        action="Name a contact as PROVIDER:ID, with its id in the CRM (hubspot:151), or by our contact id.",
    )


def _listed(rows: list[Row]) -> str:
    """Some contacts, as a person names them."""
    return ", ".join(f"{row['provider']}:{row['crm_id']}" for row in rows[:MOST_LISTED])


def _contacts(
    session: Session,
    account_id: str,
    *,
    contact_id: str | None = None,
    provider: str | None = None,
    crm_id: str | None = None,
) -> list[Row]:
    return session.rows(
        "rules/find_contacts", account_id=account_id, contact_id=contact_id, provider=provider, crm_id=crm_id
    )


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text.strip()))
    except ValueError:
        return None


def _rebuilt(session: Session, account_id: str, pairs: tuple[Pair, ...], now: datetime, limits: Limits) -> Change:
    change_id = uuid4()
    contact_ids = sorted({contact_id for pair in pairs for contact_id in pair})
    rebuild_groups(session, account_id, contact_ids, change_id=change_id, now=now, limits=limits)
    placed = session.rows("rules/placed_contacts", account_id=account_id, contact_ids=contact_ids)
    return Change(id=change_id, account_id=account_id, pairs=pairs, contacts=tuple(placed))
