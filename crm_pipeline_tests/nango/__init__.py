"""Tests of the door to the CRMs, against a real local server."""
