"""The steps of the walk behind `steps.py`.

Raw records to contacts, contacts to leads, the books, and the registry of connections.
"""
