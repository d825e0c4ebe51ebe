"""Guards: checks on what goes to a model, what comes back, and what tools are told and tell.

Why it exists: model features are attacked, leak, and say what they must not, and whoever answers for them has to say
what was stopped and why. What enters: pieces of text with where they come from, and what a team wants done
(`GuardSpec`). What leaves: verdicts with a reason and a version, texts with parts put out of sight, refusals in the
words of a team. A guard only looks; `run.py` decides by threshold, order, failure mode and budget, and `stream.py`
holds back as little of an answer as its guards need to see at once.
"""
