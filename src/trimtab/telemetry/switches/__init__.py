"""What projects have switched off of all that is made of texts: in the catalog (`store.py`), and told from there to the
telemetry process, which has none (`follow.py`, `file.py`)."""
