"""The families of attacks: one file each, found by its name. All texts are our own."""

from typing import Final

from trimtab.core.registry import Registry
from trimtab.evaluation.redteam.types import Family

REGISTRY: Final[Registry[Family]] = Registry("redteam_family", "trimtab.evaluation.redteam.families")
