"""The makings as a module that tests of this room may import by name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
