"""How well guards see, and how fast: see docs/benchmarks.md."""
