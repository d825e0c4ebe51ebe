"""Where the catalog rests: one SQL seam over SQLite (one file) and PostgreSQL (many servers), and blobs in a folder.

Why: every room keeps its own tables and its own SQL (`store.py`), as plain functions of a SQLAlchemy connection; this
room runs them on whichever database there is, migrates it at start, and turns a database that is away into one error
with a way out. It knows no word of the domain.

What enters: a URL and functions ``fn(conn) -> value``. What leaves: their values, or `Unavailable`.
"""
