"""Nango, the only door to the CRMs: requests, answers, retries, paging, connections.

`client.py` is the place to start. Nothing above this folder speaks HTTP, and nothing here knows a particular CRM.
"""
