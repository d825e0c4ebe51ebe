"""What an app does, as one immutable thing with a number and a hash, and where it runs.

Why it exists: a change of prompt, model, parameters or tools is the product's deploy. Here it is treated so: an app's
draft is frozen into a release; a release is placed in an environment, at once or by a rollout that moves a share of the
traffic, watches what it does to errors, cost and quality, and goes back by itself. What enters: drafts, and people's
decisions about releases. What leaves: for every call the release that answers it (`resolve.py`, pure, no query), and
for everybody else what ran where, when, why and by whose hand.

`types.py` says what the things are and `tables.py` how they rest. Above this room, the gateway carries a release out
and the server decides when to look at its figures.
"""
