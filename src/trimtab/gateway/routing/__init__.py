"""Routes: which target answers a call, and why.

A route is written as a tree (`types.py`), checked with a path to every mistake (`check.py`), and made into a function
when the snapshot is built (`compile.py`). What enters per call is an `Ask` (`ask.py`): the call's facts, the costly
ones read only when a node wants them. What leaves is a `Plan` (`plan.py`): targets in order, with the steps that led
there and what was known of each. `gateway/attempts.py` walks it.
"""
