"""Prompts as code: what a model is told, kept as a file and as an object of the catalog, the same thing with one hash.

Why it exists: a prompt decides behaviour as code does, so it gets what code has: immutable numbered versions, authors,
diffs, blame, and names that point at versions. What enters: a file (`file.py`), a foreign file (`foreign/`), or an
object. What leaves: a `Content` with its hash (`canonical.py`), differences between two (`diff.py`), the version that
wrote each line (`blame.py`), and messages for a model (`render.py`), made in a sandbox that bounds steps, time and size
(`sandbox.py`). Business rules stand apart from wording: variables, parameters, tools, output schema and policy have
fields of their own.

Everything but `store.py` is pure and imports no server library, so that the SDK renders with the same code, offline.
Jinja2 is imported by `sandbox.py` and `check.py` alone, and so with the first template.
"""
