"""Bodies of the management API about detectors."""

from typing import Literal

from msgspec import Struct

from trimtab.server.bodies.common import ExpectedRevision


class DetectorView(Struct, frozen=True, kw_only=True):
    name: str
    version: str
    about: str
    on: bool


class DetectorList(Struct, frozen=True, kw_only=True):
    """``source`` says where the switches are: in the catalog, or in the config file."""

    items: list[DetectorView]
    source: Literal["catalog", "config"]
    revision: int


class DetectorChange(Struct, kw_only=True, forbid_unknown_fields=True):
    """Names of the detectors that are to be off; all others are on."""

    off: list[str]
    expected_revision: ExpectedRevision = None
