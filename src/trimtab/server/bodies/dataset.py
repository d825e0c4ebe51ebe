"""Bodies of the management API about datasets and their cases."""

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType

from trimtab.evaluation.cases import NewCase
from trimtab.evaluation.dataset_diff import CaseFieldChange, Kind
from trimtab.evaluation.types import Consent, Origin, Pii, Use

Share = Annotated[float, Meta(gt=0, le=1)]


class DatasetView(Struct, frozen=True, kw_only=True):
    """``newest`` is the number of its newest version and ``cases`` how many it has: 0 before the first. ``shares`` and
    ``seed`` say which split a new case goes to that names none. ``archived``: when it was put away, null while it is in
    use."""

    name: str
    description: str
    schema: Any
    licence: str
    shares: dict[str, float]
    seed: int
    newest: int
    cases: int
    splits: dict[str, int]
    revision: int
    archived: int | None
    created: int
    updated: int


class DatasetPage(Struct, frozen=True, kw_only=True):
    items: list[DatasetView]
    cursor: str | None


class PutDataset(Struct, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. ``schema`` is a JSON Schema for ``{"input": ..., "expected": ...}`` of each case, null
    for none. ``expected_revision``: its revision as the editor knew it, 0 for one that is to be new; where it is
    another, the change is refused (409)."""

    description: str | UnsetType = UNSET
    schema: Any | UnsetType = UNSET
    licence: str | UnsetType = UNSET
    archived: bool | UnsetType = UNSET
    expected_revision: int | None = None


class VersionOfDataset(Struct, frozen=True, kw_only=True):
    """Immutable. ``hash`` names its set of cases; ``splits`` counts them."""

    dataset: str
    number: int
    hash: str
    cases: int
    splits: dict[str, int]
    parent: int | None
    author: str
    author_name: str
    message: str
    created: int


class DatasetVersionPage(Struct, frozen=True, kw_only=True):
    items: list[VersionOfDataset]
    cursor: str | None


class CaseProvenance(Struct, frozen=True, kw_only=True):
    """Where a case came from (``source``: a trace, a file, a model, a review), who added it, and when (Unix ms)."""

    origin: Origin
    source: str
    span_id: str
    author: str
    author_name: str
    at: int


class CaseView(Struct, frozen=True, kw_only=True):
    id: str
    input: Any
    expected: Any
    context: list[str] | None
    expected_tool_calls: list[Any] | None
    metadata: dict[str, Any]
    tags: list[str]
    split: str
    group: str
    weight: float
    provenance: CaseProvenance
    licence: str
    uses: list[Use]
    consent: Consent
    pii: Pii
    withheld: bool | UnsetType = UNSET
    """Texts were taken out, because the caller may not read content. Otherwise absent, for a case that is read may be
    written again as it is, and one without its texts may not."""


class CasePage(Struct, frozen=True, kw_only=True):
    """``total`` is how many there are on all pages."""

    items: list[CaseView]
    total: int
    cursor: str | None


class CaseStateView(Struct, frozen=True, kw_only=True):
    """A case as it was from version ``since`` to before ``until``; null: it still is."""

    since: int
    until: int | None
    case: CaseView


class CaseHistory(Struct, frozen=True, kw_only=True):
    """Newest first."""

    items: list[CaseStateView]


class ChangeCases(Struct, kw_only=True, forbid_unknown_fields=True):
    """All of it makes one version. ``add``: new cases; an id that is there with other content is refused. ``change``:
    cases as they are to be, whole. ``remove``: ids."""

    add: tuple[NewCase, ...] = ()
    change: tuple[NewCase, ...] = ()
    remove: tuple[str, ...] = ()
    message: str = ""
    expected_revision: int | None = None


class SplitDataset(Struct, kw_only=True, forbid_unknown_fields=True):
    """``shares`` of splits by name, together 1, such as ``{"train": 0.8, "test": 0.2}``; none for no splits. Which case
    goes where is decided by a hash of ``seed`` and its group, or its id."""

    shares: dict[str, Share]
    seed: Annotated[int, Meta(ge=0, le=1 << 53)] = 0
    message: str = ""
    expected_revision: int | None = None


class WrittenCases(Struct, frozen=True, kw_only=True):
    """``version`` is the dataset's newest, null while it has none; ``created`` is false where nothing differed from it.
    ``twice``: rows of a file that said what another had said. ``left``: what was not taken, and why."""

    version: VersionOfDataset | None
    created: bool
    added: int
    changed: int
    removed: int
    unchanged: int
    twice: int = 0
    left: list[str] = []


class CaseChangeView(Struct, frozen=True, kw_only=True):
    """``says`` is the change in a few words. ``fields`` is of a changed case, ``before`` and ``after`` of one that went
    or came."""

    case_id: str
    kind: Kind
    says: str
    fields: list[CaseFieldChange]
    before: CaseView | None
    after: CaseView | None


class DatasetDiffView(Struct, frozen=True, kw_only=True):
    """``says`` is the whole difference in words; ``fields`` counts changed cases by field (of the first 2,000);
    ``changes`` is one page in order of id."""

    dataset: str
    before: int
    after: int
    says: str
    added: int
    changed: int
    removed: int
    fields: dict[str, int]
    changes: list[CaseChangeView]
    cursor: str | None
