"""Bodies of the management API about compliance."""

from msgspec import Struct

from trimtab.compliance.types import Card, Pack


class EvidenceReport(Struct, frozen=True, kw_only=True):
    """``html`` is the report as one page, where it was asked for."""

    report: Pack
    html: str = ""


class CardReport(Struct, frozen=True, kw_only=True):
    card: Card
    html: str = ""
