"""The store: opens DuckDB or PostgreSQL, runs named SQL statements, applies migrations.

Engines are imported only here.
"""
