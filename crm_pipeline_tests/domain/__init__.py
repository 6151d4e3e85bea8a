"""Tests of `crm_pipeline.domain`: tables of examples, and properties over generated texts."""
