"""The scorers, one file each; the file's name is the scorer's. `REGISTRY` finds them, and those of other packages by
the entry point ``trimtab.scorer``."""

from typing import Final

from trimtab.core.registry import Registry
from trimtab.scoring.types import Scorer

REGISTRY: Final[Registry[Scorer]] = Registry("scorer", "trimtab.scoring.scorers")
