"""Money: what a call cost, by which row of the price book, on which day.

Why: cost is per token, prices change, and an estimate that cannot be explained is worth nothing. `prices.py` answers
from dated, packaged prices (never from the network) and the team's own, in whole picodollars; no known price is None,
never 0.

What enters: a `Usage` and where it was spent. What leaves: a `Cost` that names its row and version.
"""
