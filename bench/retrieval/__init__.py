"""How well corpora are searched, and how fast: ``python -m bench.retrieval.run``."""
