"""Bodies of the management API about guard services. Times are Unix milliseconds."""

from typing import Annotated

from msgspec import Meta, Struct

from trimtab.server.bodies.common import ExpectedRevision

Url = Annotated[str, Meta(min_length=1, max_length=2000)]
Header = Annotated[str, Meta(min_length=1, max_length=64)]
Secret = Annotated[str, Meta(max_length=4000)]


class GuardServiceView(Struct, frozen=True, kw_only=True):
    """A program that guards ask. ``secret_hint`` is the end of what is sent in ``header``, empty where nothing is;
    ``problem``: why it cannot be asked."""

    name: str
    url: str
    header: str
    secret_hint: str
    problem: str
    created: int
    updated: int
    revision: int


class GuardServiceList(Struct, frozen=True, kw_only=True):
    items: list[GuardServiceView]


class NewGuardService(Struct, kw_only=True, forbid_unknown_fields=True):
    """``secret`` is the whole value of ``header`` (``Bearer ...``), kept sealed and never shown again; left out it
    stays as it is, empty it is forgotten."""

    url: Url
    header: Header = "authorization"
    secret: Secret | None = None
    expected_revision: ExpectedRevision = None
