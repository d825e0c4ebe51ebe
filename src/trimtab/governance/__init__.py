"""Who may do what: projects, the keys that open them, the roles keys carry, and the secrets kept for them.

Why: everything Trimtab holds belongs to a project, and nothing is answered without a key. A key's secret is 256 random
bits, shown once; only its digest rests here. People carry a key into the browser as a session.

What enters: secrets that callers show (a key, a cookie, a one-time login token). What leaves: a `Principal`, or a
refusal that says how to get in. `access.py` is the part the data plane uses, pure and from its snapshot; `store.py` is
this room's SQL; `secrets.py` seals what must be kept but never seen.
"""
