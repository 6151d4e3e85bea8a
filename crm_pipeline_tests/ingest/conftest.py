"""Landing is tested on both engines, like the walk."""

from crm_pipeline_tests.walk.conftest import store_url

__all__ = ["store_url"]
