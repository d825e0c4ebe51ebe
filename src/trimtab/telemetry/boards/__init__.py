"""Saved views and dashboards: what they are (`types.py`), and their SQL (`store.py`)."""
