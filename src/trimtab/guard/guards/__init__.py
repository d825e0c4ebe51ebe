"""The guards there are: one file each, found by its name."""

from typing import Final

from trimtab.core.registry import Registry
from trimtab.guard.types import Guard

REGISTRY: Final[Registry[Guard]] = Registry("guard", "trimtab.guard.guards")
