"""A HubSpot portal and its CRM API. Start at `api.py`."""
