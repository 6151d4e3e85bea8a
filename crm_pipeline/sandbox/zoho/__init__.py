"""A made-up Zoho CRM; start at `api.py`. Its contents live in `org.py`, its first day in `first_day.py`."""
