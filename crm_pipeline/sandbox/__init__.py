"""A local Nango in front of made-up CRMs, for demos and tests. Start at `server.py`; imports nothing of the product.

Another CRM is a folder or file like `hubspot/` and a row here.
"""

from crm_pipeline.sandbox.crm import CrmKind
from crm_pipeline.sandbox.gohighlevel.api import GOHIGHLEVEL
from crm_pipeline.sandbox.hubspot.api import HUBSPOT
from crm_pipeline.sandbox.pipedrive.api import PIPEDRIVE
from crm_pipeline.sandbox.salesforce.api import SALESFORCE
from crm_pipeline.sandbox.zoho.api import ZOHO

CRMS: dict[str, CrmKind] = {kind.provider: kind for kind in (HUBSPOT, SALESFORCE, PIPEDRIVE, ZOHO, GOHIGHLEVEL)}
"""Every CRM the sandbox can play, by our name of it."""
