"""Connecting a CRM and letting go of it: what commands, the API and the page do with Nango and the registry.

An account's connection of a CRM is invited, verified, saved and disconnected here; syncing it is `steps.py`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

from crm_pipeline.errors import NangoError
from crm_pipeline.nango.bodies import safe_text
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.nango.connections import ConnectSession, NangoConnection
from crm_pipeline.providers import PROVIDERS, provider_named
from crm_pipeline.providers.provider import Provider
from crm_pipeline.steps import Pipeline
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
    """The connection at Nango, if it is this account's; another's is answered exactly like one that does not exist."""
    key = integration or PROVIDERS[provider].integration
    unknown = NangoError(
        "connection_not_found",
        f"Nango has no connection {quoted(connection_id)} of {quoted(account)} for the integration {quoted(key)}.",
        action="Copy the connection's id from Nango; its tag `account_id` must name the account.",
    )
    try:
        found = client.read_connection(key, connection_id)
    except NangoError as error:
        if error.code == "connection_not_found":
            raise unknown from None
        raise
    if found.account_id != account:
        raise unknown
    theirs = provider_named(found.nango_provider)
    if theirs is None or theirs.name != provider:
        raise NangoError(
            "connection_misconfigured",
            f"The connection {quoted(connection_id)} is for {_title(theirs, found)}, "
            f"not for {PROVIDERS[provider].title}.",
            action=f"Name the CRM that was connected, one of {', '.join(sorted(PROVIDERS))}.",
        )
    theirs.check_config(found.connection_config)
    return found


def saved(pipeline: Pipeline, found: NangoConnection) -> Connection:
    """The connection in the registry, as somebody wants it who just connected it."""
    with pipeline.warehouse.session() as session:
        registry.release(session, found, now=pipeline.now())
        registry.let_in(session, found)
        with session.transaction():
            return registry.save(session, found, now=pipeline.now())


Place = tuple[str, str]
"""An integration at Nango and the id of a connection there."""


def healthy(known: Sequence[Connection]) -> frozenset[Place]:
    """Those of the connections that can be synced."""
    ours = (one for one in known if one.is_active and one.state == "active")
    return frozenset((one.nango_integration, one.nango_connection_id) for one in ours)


def new_connection(
    client: NangoClient, before: Collection[Place], account: str, provider: str
) -> NangoConnection | None:
    """The newest connection of the account's CRM at Nango that is well and was not among the healthy ones before."""
    for found in client.find_connections(account_id=account, integration=PROVIDERS[provider].integration):
        place = (found.nango_integration, found.nango_connection_id)
        if found.account_id == account and "auth" not in found.errors and place not in before:
            return found
    return None


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


def _title(theirs: Provider | None, found: NangoConnection) -> str:
    return theirs.title if theirs else quoted(found.nango_provider)


def quoted(text: str) -> str:
    """What a caller gave, short and on one line, for a message."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text[:120])
