"""Which CRM a connection of Nango leads to, and what is kept of its configuration."""

from __future__ import annotations

import pytest

from crm_pipeline.errors import PipelineError
from crm_pipeline.providers import PROVIDERS, provider_named


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("hubspot", "hubspot"),
        ("salesforce", "salesforce"),
        ("salesforce-sandbox", "salesforce"),
        ("pipedrive", "pipedrive"),
        ("zoho-crm", "zoho"),
        ("zoho", "zoho"),
        ("highlevel", "gohighlevel"),
        ("highlevel-white-label", "gohighlevel"),
        ("hubspot-mcp", None),
        ("github", None),
        ("", None),
    ],
)
def test_nangos_provider_names_become_ours(theirs: str, ours: str | None) -> None:
    found = provider_named(theirs)
    assert (found.name if found else None) == ours


ADDRESSES = [
    ("salesforce", {"instance_url": "https://acme.my.salesforce.example"}),
    ("pipedrive", {"api_domain": "https://acme.pipedrive.example"}),
    ("zoho", {"extension": "eu"}),
    ("zoho", {"api_domain": "https://www.zohoapis.example"}),
    ("gohighlevel", {"locationId": "LoC4t1oN1d0000000001"}),
    ("hubspot", {}),
]


@pytest.mark.parametrize(("name", "config"), ADDRESSES)
def test_a_connection_with_its_crms_address_passes(name: str, config: dict[str, str]) -> None:
    PROVIDERS[name].check_config(config)


@pytest.mark.parametrize("name", ["salesforce", "pipedrive", "zoho", "gohighlevel"])
@pytest.mark.parametrize("config", [{}, {"other": "x"}, {"instance_url": "", "api_domain": None, "locationId": " "}])
def test_a_connection_without_its_crms_address_is_told_apart_from_a_passing_failure(
    name: str, config: dict[str, object]
) -> None:
    with pytest.raises(PipelineError) as caught:
        PROVIDERS[name].check_config(config)
    assert caught.value.code == "connection_misconfigured"


def test_no_two_crms_share_a_name() -> None:
    names = [name for one in PROVIDERS.values() for name in (one.integration, *one.also_named)]
    assert len(names) == len(set(names))
    assert all(one.name == name for name, one in PROVIDERS.items())
