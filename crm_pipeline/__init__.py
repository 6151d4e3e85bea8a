"""Keeps a product's leads in step with its customers' CRMs. Start reading at `steps.py`."""

__version__ = "0.1.0"
