"""A Pipedrive company and its API. Start at `api.py`."""
