"""Celery's own settings for a worker of the fleet: put the folder of this file on PYTHONPATH.

`celery -A dagster_celery.app worker` reads it.
"""

import os

broker_url = result_backend = os.environ["CRM_CELERY_URL"]
worker_disable_prefetch = True
"""A run waits in the queue, where any worker may take it: one held back by a worker that dies would wait for long."""
worker_max_tasks_per_child = 100
"""A process gives its memory back now and then."""
result_expires = 24 * 3600
