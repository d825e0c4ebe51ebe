"""Closed traces on their way to other systems: another OTLP collector, a webhook, a Kafka topic.

`arrivals.py` is the writer's side (what came when), `closing.py` decides when a trace is closed, `forwarder.py`
delivers, `store.py` remembers how far.
"""
