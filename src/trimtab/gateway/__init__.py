"""The path of a call: from a client's bytes to a provider and back, once, with everything written down.

Read `pipeline.py` first: it is the table of contents of the product. `targets.py` says what a model name may mean,
`route.py` turns a name into an ordered list of candidates with reasons, `resilience.py` holds the bounds (timeouts,
one retry, fallback until the first token).

What enters: an `Exchange` (a request's head and body, and a way to answer). What leaves: bytes to the client in its
own dialect, and one `CallRecord`, on disk before the last of them.
"""
