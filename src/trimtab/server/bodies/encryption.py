"""Bodies of the management API about encryption at rest, legal holds and the instance's secret key. Times are Unix
milliseconds."""

from typing import Annotated

from msgspec import Meta, Struct

from trimtab.governance import legal_holds, sealings
from trimtab.governance.data_key import State


class EncryptionBody(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether what is new is encrypted; what lies in the catalog already is then, too."""

    enabled: bool


class DataKeyView(Struct, frozen=True, kw_only=True):
    """``active`` seals what is new, ``old`` opens what it sealed, ``destroyed`` is gone with all that it sealed."""

    id: str
    state: State
    created: int
    retired: int | None
    destroyed: int | None


class CatalogSealingView(Struct, frozen=True, kw_only=True):
    """How far what lay in the catalog before (cases, answers, reviews) is encrypted: ``rows`` so far; ``ended`` is null
    while it goes on."""

    state: sealings.State
    rows: int
    asked: int
    ended: int | None


class EncryptionView(Struct, frozen=True, kw_only=True):
    """Keys newest first. ``catalog`` is null where nothing of it is encrypted. Texts of traces that were stored before
    ``traces_since`` (Unix ms; null where encryption is off) lie in the clear until their retention ends."""

    enabled: bool
    keys: list[DataKeyView]
    catalog: CatalogSealingView | None = None
    traces_since: int | None = None


class DestroyKey(Struct, kw_only=True, forbid_unknown_fields=True):
    """``confirm`` is ``destroy KEY of PROJECT``, with what stands in the path."""

    confirm: Annotated[str, Meta(max_length=200)]


class NewLegalHold(Struct, kw_only=True, forbid_unknown_fields=True):
    """``value`` is the user, session or trace id, empty for the whole project. ``start`` (inclusive) and ``end``
    (exclusive) bound when what is held began."""

    subject: legal_holds.Subject
    value: Annotated[str, Meta(max_length=legal_holds.LONGEST_VALUE)] = ""
    start: Annotated[int, Meta(ge=0, le=1 << 43)] | None = None
    end: Annotated[int, Meta(ge=0, le=1 << 43)] | None = None
    reason: Annotated[str, Meta(max_length=legal_holds.LONGEST_REASON)]


class ReleaseLegalHold(Struct, kw_only=True, forbid_unknown_fields=True):
    reason: Annotated[str, Meta(max_length=legal_holds.LONGEST_REASON)]


class LegalHoldView(Struct, frozen=True, kw_only=True):
    """``author`` and ``released_by`` are ids of keys or people; ``released`` is null while it is in force."""

    id: str
    subject: legal_holds.Subject
    value: str
    start: int | None
    end: int | None
    reason: str
    author: str
    author_name: str
    created: int
    released: int | None
    released_by: str
    release_reason: str


class LegalHoldPage(Struct, frozen=True, kw_only=True):
    items: list[LegalHoldView]
    cursor: str | None = None


class SecretKeyView(Struct, frozen=True, kw_only=True):
    """The ids of the keys, the newest first; ``behind`` counts secrets that are not sealed with the newest."""

    keys: list[str]
    from_environment: bool
    behind: int


class RotateSecretKey(Struct, kw_only=True, forbid_unknown_fields=True):
    """``forget_old``: take the other keys out of the key file once nothing is sealed with them. Backups that were taken
    before hold secrets that only those open."""

    forget_old: bool = False
