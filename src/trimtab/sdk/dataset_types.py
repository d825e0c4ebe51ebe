"""What the server says of datasets, as the SDK reads it. Times are Unix milliseconds."""

from typing import Any

from msgspec import Struct


class Dataset(Struct, frozen=True, kw_only=True):
    """``newest`` is the number of its newest version, 0 before the first; ``archived``: when it was put away."""

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


class DatasetVersion(Struct, frozen=True, kw_only=True):
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


class Provenance(Struct, frozen=True, kw_only=True):
    origin: str
    source: str
    span_id: str
    author: str
    author_name: str
    at: int


class Case(Struct, frozen=True, kw_only=True):
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
    provenance: Provenance
    licence: str
    uses: list[str]
    consent: str
    pii: str


class Written(Struct, frozen=True, kw_only=True):
    """``version`` is the newest, null while there is none; ``created`` is false where nothing differed from it;
    ``left`` is what was not taken, and why."""

    version: DatasetVersion | None
    created: bool
    added: int
    changed: int
    removed: int
    unchanged: int
    twice: int = 0
    left: list[str] = []


class FieldChange(Struct, frozen=True, kw_only=True):
    field: str
    before: Any
    after: Any
    cut: bool = False


class CaseChange(Struct, frozen=True, kw_only=True):
    case_id: str
    kind: str
    says: str
    fields: list[FieldChange]
    before: Case | None
    after: Case | None


class DatasetDiff(Struct, frozen=True, kw_only=True):
    """``says`` is the whole difference in words; ``changes`` all of it, case by case."""

    dataset: str
    before: int
    after: int
    says: str
    added: int
    changed: int
    removed: int
    fields: dict[str, int]
    changes: list[CaseChange]
    cursor: str | None = None


class Exported(Struct, frozen=True, kw_only=True):
    """A file: its ``name`` as the server calls it, and how many cases were left out of it."""

    name: str
    content: bytes
    left_out: int


class Twins(Struct, frozen=True, kw_only=True):
    """Two cases that say the same, or nearly; ``split``: they are in different splits."""

    one: str
    other: str
    likeness: float
    split: bool
    text: str


class Duplicates(Struct, frozen=True, kw_only=True):
    """``across`` counts pairs in different splits: what was tuned on one was not unseen in the other."""

    method: str
    cases: int
    exact: list[list[str]]
    near: list[Twins]
    across: int
    more: bool
    says: str


class Sampled(Struct, frozen=True, kw_only=True):
    """A case that was chosen, and why."""

    id: str
    why: str
    value: float | None = None


class Sample(Struct, frozen=True, kw_only=True):
    strategy: str
    method: str
    items: list[Sampled]
    considered: int
    unscored: int
    seed: int
    written: Written | None = None


class Proposal(Struct, frozen=True, kw_only=True):
    """A case that a model proposed; ``state`` is open, accepted or rejected."""

    id: str
    state: str
    case: Case
    model: str
    trace_id: str
    author_name: str
    created: int
    reviewer_name: str
    reviewed: int | None


class Generated(Struct, frozen=True, kw_only=True):
    """``cost`` in US dollars as a decimal string, null where the model has no known price."""

    proposals: list[Proposal]
    calls: int
    cost: str | None
    left: list[str]
