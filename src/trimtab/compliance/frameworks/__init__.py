"""The frameworks there are: one file each. Their words are ours; the numbers are those of the texts they name."""

from typing import Final

from trimtab.compliance.types import Framework
from trimtab.core.registry import Registry

REGISTRY: Final[Registry[Framework]] = Registry("compliance_framework", "trimtab.compliance.frameworks")
