"""The CRMs and their registry: a new one is one file, named like it, and one row here.

What a large one needs beside its own file stands next to it (`soql.py`, `zoho_lists.py`); what several share is in
`reading.py`.
"""

from crm_pipeline.providers.gohighlevel import GOHIGHLEVEL
from crm_pipeline.providers.hubspot import HUBSPOT
from crm_pipeline.providers.pipedrive import PIPEDRIVE
from crm_pipeline.providers.provider import Provider
from crm_pipeline.providers.salesforce import SALESFORCE
from crm_pipeline.providers.zoho import ZOHO

PROVIDERS: dict[str, Provider] = {
    provider.name: provider for provider in (HUBSPOT, SALESFORCE, PIPEDRIVE, ZOHO, GOHIGHLEVEL)
}


def provider_named(nango_provider: str) -> Provider | None:
    """The CRM behind Nango's name of it; None when it is none of ours."""
    named = (one for one in PROVIDERS.values() if nango_provider in (one.integration, *one.also_named))
    return next(named, None)
