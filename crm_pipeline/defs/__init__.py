"""Dagster: assets, job, schedule, sensor. Thin skins over `steps.py`; each module offers one `definitions()`."""
