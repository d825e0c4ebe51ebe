"""What is kept of calls so that it may be given again: the cache, repeated requests, conversations.

`answers.py` stores whole answers behind the call's back (SQL: `cache_store.py`). Three ask it: the cache (`cache.py`),
exact by the canonical request (`cache_key.py`) or by meaning (`semantic.py`, `lookalike.py`, its threshold chosen by
`cache_tune.py`); `idempotency.py`, which replays what a repeated Idempotency-Key was answered; and `conversations.py`,
the state behind ``previous_response_id``. `recording.py` notes an answer while it passes to the client.
"""
