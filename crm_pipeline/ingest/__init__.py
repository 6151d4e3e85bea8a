"""Landing: pages from a provider go through dlt into the raw tables, with the cursor in dlt's state.

Only this floor imports dlt.
"""
