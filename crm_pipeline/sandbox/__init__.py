"""A local Nango in front of made-up CRMs, for demos and tests. Start at `server.py`; imports nothing of the product.

Another CRM is a folder or file like `hubspot/` and a row here.
"""

from crm_pipeline.sandbox.crm import CrmKind
from crm_pipeline.sandbox.hubspot.api import HUBSPOT

CRMS: dict[str, CrmKind] = {kind.provider: kind for kind in (HUBSPOT,)}
"""Every CRM the sandbox can play, by Nango's name of it."""
