"""Changes to a portal asked for by name: `act(portal, "edit", {"id": "840...", "properties": {"phone": "..."}})`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from crm_pipeline.sandbox.crm import BadControl
from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal

Body = Mapping[str, Any]
SETTINGS = frozenset({"index_lag", "merge_makes_new_id", "add_property"})


def act(portal: HubSpotPortal, action: str, body: Body) -> object:
    """Make one change; answers the new id where there is one."""
    if action not in ACTIONS:
        raise BadControl(f"no action is called {action!r}; there are {', '.join(ACTIONS)}")
    return ACTIONS[action](portal, body)


def _set(portal: HubSpotPortal, body: Body) -> object:
    """`index_lag` in seconds, `merge_makes_new_id`, `add_property`."""
    unknown = sorted(body.keys() - SETTINGS - {"provider", "account", "action"})
    if unknown:
        raise BadControl(f"nothing is called {unknown[0]!r}; there are {', '.join(sorted(SETTINGS))}")
    if "index_lag" in body:
        portal.index_lag = float(body["index_lag"])
    if "merge_makes_new_id" in body:
        portal.merge_makes_new_id = bool(body["merge_makes_new_id"])
    if "add_property" in body:
        portal.add_property(**body["add_property"])
    return {}


def _create(portal: HubSpotPortal, body: Body) -> object:
    return {"id": portal.create(body["properties"])}


def _edit(portal: HubSpotPortal, body: Body) -> object:
    """`touch: false` leaves the modified date alone."""
    portal.edit(body["id"], body["properties"], touch=bool(body.get("touch", True)))
    return {}


def _archive(portal: HubSpotPortal, body: Body) -> object:
    portal.archive(body["id"])
    return {}


def _restore(portal: HubSpotPortal, body: Body) -> object:
    """`touch: true` moves the modified date."""
    portal.restore(body["id"], touch=bool(body.get("touch", False)))
    return {}


def _purge(portal: HubSpotPortal, body: Body) -> object:
    portal.purge(body["id"])
    return {}


def _merge(portal: HubSpotPortal, body: Body) -> object:
    return {"id": portal.merge(body["primary"], body["other"])}


def _rename_owner(portal: HubSpotPortal, body: Body) -> object:
    portal.rename_owner(body["id"], str(body["first"]), str(body["last"]), str(body["email"]))
    return {}


def _rename_company(portal: HubSpotPortal, body: Body) -> object:
    portal.rename_company(body["id"], str(body["name"]))
    return {}


ACTIONS: dict[str, Callable[[HubSpotPortal, Body], object]] = {
    "create": _create,
    "edit": _edit,
    "archive": _archive,
    "restore": _restore,
    "purge": _purge,
    "merge": _merge,
    "rename_owner": _rename_owner,
    "rename_company": _rename_company,
    "set": _set,
}
