"""Spans that other tools sent, as they came."""
