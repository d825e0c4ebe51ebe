"""The path of a call: from a client's bytes to a provider and back, once, with everything written down.

Read `pipeline.py` first: it is the table of contents of the product. `targets.py` says what a model name may mean,
`route.py` and `routing/` turn a name into an ordered list of targets with reasons, `attempts.py` opens them one after
the other until one begins to answer (`policy.py`, `walk.py`, `watch.py`), and `delivery.py` passes that answer on.
Beside the path lie `staying_up/` (breakers, queues, what is known of targets), `money/` (limits asked, books closed)
and `kept/` (the cache, repeated requests, conversations).

What enters: an `Exchange` (a request's head and body, and a way to answer). What leaves: bytes to the client in its
own dialect, and one `CallRecord`, on disk before the last of them.
"""
