"""Connecting a CRM and letting go of it: what commands, the API and the page do with Nango and the registry.

An account's connection of a CRM is invited, verified, saved and disconnected here; syncing it is `steps.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from crm_pipeline.errors import NangoError
from crm_pipeline.nango.bodies import safe_text
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.nango.connections import ConnectSession, NangoConnection
from crm_pipeline.providers import PROVIDERS, provider_named
from crm_pipeline.steps import Pipeline, is_gone
from crm_pipeline.walk import registry
from crm_pipeline.walk.connection import Connection


def invite(
    client: NangoClient,
    account: str,
    provider: str,
    *,
    integration: str | None = None,
    known: Sequence[Connection] = (),
) -> ConnectSession:
    """A link for the person who owns the CRM. One that has expired is connected anew as the connection that it is.

    `known` are the account's connections in the registry: of those that Nango still holds, the id stays, and with it
    contacts and leads.
    """
    key = integration or PROVIDERS[provider].integration
    with _naming(key):
        for connection in known:
            is_its = connection.provider == provider and integration in (None, connection.nango_integration)
            if not (is_its and connection.is_active and connection.state == "needs_reconnect"):
                continue
            session = client.create_reconnect_session(
                account_id=account,
                integration=connection.nango_integration,
                nango_connection_id=connection.nango_connection_id,
            )
            if session is not None:
                return session
        return client.create_connect_session(account_id=account, integration=key)


@contextmanager
def _naming(integration: str) -> Iterator[None]:
    """Nango does not say which part of a request it refuses; here it is the integration more often than not."""
    try:
        yield
    except NangoError as error:
        if error.code != "connection_misconfigured":
            raise
        action = f"Check that Nango has an integration with the key {safe_text(integration)}, or name its key with "
        raise NangoError(error.code, error.message, action=f"{action}--integration.") from error


def verified(
    client: NangoClient, account: str, provider: str, connection_id: str, *, integration: str | None = None
) -> NangoConnection:
    """The connection at Nango, if it is this account's; another's is answered exactly like one that does not exist.

    Nango's list is looked at first, so that nothing that is wrong with another's connection shows either.
    """
    key = integration or PROVIDERS[provider].integration
    unknown = NangoError(
        "connection_not_found",
        f"Nango has no connection {quoted(connection_id)} of {quoted(account)} for the integration {quoted(key)}.",
        action="Copy the connection's id from Nango; its tag `account_id` must name the account.",
    )
    listed = [
        one
        for one in client.find_connections(nango_connection_id=connection_id)
        if (one.nango_connection_id, one.account_id) == (connection_id, account)
        and integration in (None, one.nango_integration)
    ]
    if not listed:
        raise unknown
    ours = [one for one in listed if _is_of(one, provider)]
    if not ours:
        raise NangoError(
            "connection_misconfigured",
            f"The connection {quoted(connection_id)} is for {_title(listed[0])}, not for {PROVIDERS[provider].title}.",
            action=f"Name the CRM that was connected, one of {', '.join(sorted(PROVIDERS))}.",
        )
    usual = next((one for one in ours if one.nango_integration == key), ours[0])
    try:
        found = client.read_connection(usual.nango_integration, connection_id)
    except NangoError as error:
        if error.code == "connection_not_found":
            raise unknown from None
        raise
    if found.account_id != account:
        raise unknown
    PROVIDERS[provider].check_config(found.connection_config)
    return found


def _is_of(found: NangoConnection, provider: str) -> bool:
    theirs = provider_named(found.nango_provider)
    return theirs is not None and theirs.name == provider


def saved(pipeline: Pipeline, found: NangoConnection) -> Connection:
    """The connection in the registry, as somebody wants it who just connected it.

    Of the same CRM, one that Nango holds no longer is let go of first: it may be what is connected anew, and then its
    row, contacts and leads go on.
    """
    gone = _gone(pipeline, found)
    with pipeline.warehouse.session() as session:
        for one in gone:
            with session.transaction():
                registry.disconnect(session, one, now=pipeline.now())
        registry.release(session, found, now=pipeline.now())
        registry.let_in(session, found)
        with session.transaction():
            return registry.save(session, found, now=pipeline.now())


def _gone(pipeline: Pipeline, found: NangoConnection) -> list[Connection]:
    with pipeline.warehouse.session() as session:
        known = registry.connections(session, account_id=found.account_id or registry.UNASSIGNED)
    return [
        one
        for one in known
        if one.is_active and one.state == "needs_reconnect" and _is_of(found, one.provider)
        and (one.nango_integration, one.nango_connection_id) != found.key and is_gone(pipeline, one)
    ]  # fmt: skip


def is_kept_out(pipeline: Pipeline, found: NangoConnection) -> bool:
    """Whether a person let go of it and kept it at Nango: then nothing that Nango tells of it brings it back."""
    with pipeline.warehouse.session() as session:
        return registry.is_kept_out(session, found)


Place = tuple[str, str]
"""An integration at Nango and the id of a connection there."""


def healthy(known: Sequence[Connection]) -> frozenset[Place]:
    """Those of the connections that can be synced."""
    ours = (one for one in known if one.is_active and one.state == "active")
    return frozenset((one.nango_integration, one.nango_connection_id) for one in ours)


def well(client: NangoClient, account: str, provider: str) -> list[NangoConnection]:
    """The connections of the account's CRM at Nango with which nothing is wrong there, of whatever integration.

    The newest first.
    """
    found = client.find_connections(account_id=account)
    return [one for one in found if one.account_id == account and _is_of(one, provider) and "auth" not in one.errors]


def disconnect(pipeline: Pipeline, account: str, provider: str, *, keep_at_nango: bool = False) -> list[Connection]:
    """Let go of the account's connections of a CRM: deleted at Nango, inactive here; contacts and leads stay.

    Kept at Nango, a connection stays inactive here until somebody connects it again.
    """
    with pipeline.warehouse.session() as session:
        known = registry.connections(session, account_id=account, provider=provider)
    ours = [one for one in known if one.is_active]
    if not ours:
        raise NangoError(
            "connection_not_found",
            f"{quoted(account)} has no connection to {PROVIDERS[provider].title}.",
            action="Look at `crm-pipeline connections`.",
        )
    if not keep_at_nango:
        for (
            one
        ) in ours:  # first: what is inactive here and left at Nango would come back with the next look at its list
            pipeline.nango.delete_connection(one.nango_integration, one.nango_connection_id)
    with pipeline.warehouse.session() as session, session.transaction():
        for one in ours:
            registry.disconnect(session, one, keep_out=keep_at_nango, now=pipeline.now())
    return ours


def _title(found: NangoConnection) -> str:
    theirs = provider_named(found.nango_provider)
    return theirs.title if theirs else quoted(found.nango_provider)


def quoted(text: str) -> str:
    """What a caller gave, short and on one line, for a message."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:120])
