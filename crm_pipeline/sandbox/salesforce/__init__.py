"""A Salesforce org and its REST API. Start at `api.py`."""
