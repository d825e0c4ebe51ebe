"""Judging answers, and the mathematics of comparing: light and pure, so that server, SDK and command line share it.

Why it exists: a number that decides (roll back, promote, fail a build) must be computed in one place, tested against
closed forms, and say how sure it is. What enters: answers (`types.Sample`), counts and sums. What leaves: verdicts,
which may be "cannot score" (`judge.py`), intervals and outcomes (`stats.py`). Nothing here reads a clock or a database,
nor a file but weights of our own and the functions of a team (`custom.py`).
"""
