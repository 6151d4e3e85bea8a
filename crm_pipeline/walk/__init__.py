"""The steps of the walk behind `steps.py`: raw records to contacts, contacts to leads, the books, and the registry of connections."""
