"""Bodies of the management API about how long data is kept, and about erasing it. Times are Unix milliseconds."""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from trimtab.governance.erasures import LONGEST_VALUE, State, Subject
from trimtab.governance.retention import Kind
from trimtab.governance.retention import State as RunState
from trimtab.server.bodies.common import ExpectedRevision
from trimtab.telemetry.removal.retention import OverAge

Days = Annotated[int, Meta(ge=1, le=36_500)] | Literal["keep"] | None | UnsetType
"""``null`` or ``"keep"``: for ever. Left out: the default."""


class RetentionBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """A project's rules, whole: days by kind, from when a span began."""

    content: Days = UNSET
    spans: Days = UNSET
    ledger: Days = UNSET
    scores: Days = UNSET
    expected_revision: ExpectedRevision = None


class RetentionRule(Struct, frozen=True, kw_only=True):
    """``days`` null: for ever. ``source`` says who said so; what the config file says cannot be changed here."""

    kind: Kind
    days: int | None
    source: Literal["default", "catalog", "config"]


class RetentionView(Struct, frozen=True, kw_only=True):
    """``revision`` is that of the rules in the catalog."""

    items: list[RetentionRule]
    revision: int


class RetentionPreview(Struct, frozen=True, kw_only=True):
    items: list[OverAge]


class RemovedView(Struct, frozen=True, kw_only=True):
    """Rows that began before ``before``."""

    kind: Kind
    table: str
    before: int
    rows: int


class RetentionRunView(Struct, frozen=True, kw_only=True):
    """``removed`` is of this project; ``blobs`` and ``blob_bytes`` of all, for equal contents are kept once."""

    id: str
    state: RunState
    started: int
    finished: int | None
    removed: list[RemovedView]
    blobs: int
    blob_bytes: int
    problem: str


class RetentionRunPage(Struct, frozen=True, kw_only=True):
    items: list[RetentionRunView]
    cursor: str | None = None


class NewErasure(Struct, kw_only=True, forbid_unknown_fields=True):
    """``value`` is the user, session or trace id, exactly as the application sends it."""

    subject: Subject
    value: Annotated[str, Meta(min_length=1, max_length=LONGEST_VALUE)]


class ErasureView(Struct, frozen=True, kw_only=True):
    """A receipt, once ``state`` is done. ``rows`` by where they were: removed, but for ``ledger``, whose rows stay
    without what identified anybody. ``digest`` is ``sha256(id NUL project_id NUL subject NUL value)`` in hex.
    ``asked_by`` is the id of a key or a person, ``asked_by_name`` what they are called now; the id where nobody is."""

    id: str
    project_id: str
    subject: Subject
    digest: str
    state: State
    step: str
    asked: int
    asked_by: str
    asked_by_name: str
    finished: int | None
    traces: int
    rows: dict[str, int]
    checks: dict[str, str]
    problem: str


class ErasurePage(Struct, frozen=True, kw_only=True):
    items: list[ErasureView]
    cursor: str | None = None
