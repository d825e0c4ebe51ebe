"""How long tests wait for what another process or thread does."""

PATIENCE_S = 300.0
"""One figure for all of them. A wait ends as soon as what it waits for has come, so its length costs nothing where
tests pass; where it is too short, a test fails because the machine had other things to do. All of it comes within
seconds on two processors that are free; other work may take nine tenths of them. It is finite, and shorter than
pytest's own `timeout`, so that a test that waits in vain still says for what."""

PATIENCE_MS = PATIENCE_S * 1000
"""The same, as a browser counts."""
