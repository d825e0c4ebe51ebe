"""Config as code: a folder of files, what it would change in the catalog, and carrying that out in one transaction.

`reading.py` makes `Item`s of files; `state.py` makes them of the catalog, in the same form, so that `planning.py` can
compare the two; `applying.py` writes the difference; `exporting.py` writes files again.
What is whose is in `managed.py`.
"""
