"""One HighLevel location (sub-account), as its API shows it. Start at `api.py`."""
