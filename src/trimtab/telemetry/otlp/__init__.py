"""OTLP exports, read so that one bad span costs one span; what is taken out of them at the door."""
