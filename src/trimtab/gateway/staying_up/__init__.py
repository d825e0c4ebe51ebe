"""What keeps calls answered while providers fail: breakers, retries, queues, and what is known of each target.

`resilience.py` says what a failure allows next and `breaker.py` whether to ask at all; both are pure. `live.py` is what
this worker knows of its targets, `told_limits.py` what they said of their own limits, `gate.py` the fair queue in front
of everything. `health.py` tells people how each target has fared. What one call notes of all that is in `../watch.py`.
"""
