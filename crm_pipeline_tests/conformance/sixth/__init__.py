"""A made-up sixth CRM, as a newcomer would add it; `test_sixth_crm.py` puts it where README.md ("Add a CRM") says."""
