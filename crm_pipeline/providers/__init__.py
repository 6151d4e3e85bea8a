"""One file per CRM, and the registry: a new CRM is one file and one row here."""

from crm_pipeline.providers.hubspot import HUBSPOT
from crm_pipeline.providers.provider import Provider

PROVIDERS: dict[str, Provider] = {provider.name: provider for provider in (HUBSPOT,)}
