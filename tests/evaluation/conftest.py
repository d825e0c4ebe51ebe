"""A real store and a real catalog for the tests of this room: those of review's tests may be imported."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "telemetry"))
sys.path.insert(0, str(Path(__file__).parents[1] / "review"))
