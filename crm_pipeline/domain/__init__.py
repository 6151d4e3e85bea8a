"""What a contact is and what its texts mean: records and pure functions, no I/O. Start at `normalize.py`.

Row by row lives here, set by set lives in `sql/`. This is the only floor that imports phonenumbers.
"""
