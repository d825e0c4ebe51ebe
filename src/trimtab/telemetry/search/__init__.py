"""The search language: as text, its keys, its meaning, its completion, and aggregations of what it finds."""
