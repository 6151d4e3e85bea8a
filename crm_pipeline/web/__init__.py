"""The HTTP API and the page: the sync for people and programs that do not know Dagster.

`app.py` puts the application together, `security.py` decides who may ask, `service.py` does what is asked, `dagster.py`
talks to the webserver that starts the runs. Nothing here walks: every sync is a run of Dagster's, and the store is
opened for short reads alone.
"""
