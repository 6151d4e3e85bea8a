"""The commands of `crm-pipeline`, one file per group; `cli.py` puts them together.

A command reads its settings, calls the floor below and prints; it decides nothing about contacts or leads. What only
some commands need (dlt, pyarrow, the HTTP client) is imported inside them, so that the others answer at once.
"""
