"""What happened, kept and explained.

Why: an answer nobody can explain cannot be run. The data plane hands this room one record per call; the record is on
disk before the client has its last byte (`spool/`); a writer in a process of its own turns records into spans and
ledger rows (`calls/`, and `mapping/` of what other tools send) and moves them into the store (`writer.py`, `stores/`),
where people ask questions of them (`search/`, `views.py`).

What enters: `CallRecord`. What leaves: the views of `views.py`. Nothing in here is on a call's path but the spool.
"""
