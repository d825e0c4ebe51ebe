"""A real store and a real catalog for the tests of this room; `makings` of the telemetry tests may be imported."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "telemetry"))
sys.path.insert(0, str(Path(__file__).parent))
