"""What leaves the store: what is over age (`retention.py`), by mutations that are waited for (`upkeep.py`), but for
what a legal hold keeps back (`held.py`). Erasure of a person uses the same (`gateway/erasure.py`)."""
