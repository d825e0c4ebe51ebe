"""Bodies of the management API about where cases come from: traffic, samples, models."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from trimtab.evaluation.cases import NewCase
from trimtab.evaluation.duplicates import Method
from trimtab.evaluation.from_traces import Expect
from trimtab.evaluation.proposals import State
from trimtab.evaluation.sampling import Strategy
from trimtab.evaluation.types import Consent, Pii, Use
from trimtab.server.bodies.dataset import CaseView, WrittenCases

MOST_TRACES = 500
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Words = Annotated[str, Meta(max_length=100)]


class SpanOfTrace(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    trace_id: Id
    span_id: Id


class CasesFromTraces(Struct, kw_only=True, forbid_unknown_fields=True):
    """Either ``q`` (a search of traces, between ``start`` and ``end``, Unix ms; of the last seven days if left out), or
    ``traces`` or ``spans`` by id. Of what a search finds, ``sample`` says which ``limit`` of it. ``expected``: nothing,
    what was answered, or what a person corrected it to (feedback, or a score named ``correction``). A trace that is a
    case already stays as it is unless ``update`` says otherwise."""

    q: Annotated[str, Meta(max_length=2000)] = ""
    start: int | None = None
    end: int | None = None
    traces: Annotated[list[Id], Meta(max_length=MOST_TRACES)] = []
    spans: Annotated[list[SpanOfTrace], Meta(max_length=MOST_TRACES)] = []
    limit: Annotated[int, Meta(ge=1, le=MOST_TRACES)] = 50
    sample: Literal["newest"] | Strategy = "newest"
    scores: Annotated[list[Words], Meta(max_length=20)] = []
    seed: Annotated[int, Meta(ge=0, le=1 << 53)] = 0
    expected: Expect = "correction"
    update: bool = False
    split: str = ""
    tags: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ("evaluate",)
    licence: str = ""
    consent: Consent = "unknown"
    pii: Pii = "unknown"
    message: str = ""
    expected_revision: int | None = None


class SampleCases(Struct, kw_only=True, forbid_unknown_fields=True):
    """``diverse``: the cases that differ most from each other (``method``: by shared words, or by the local embedder).
    ``failing`` and ``disputed`` go by scores in [0, 1]: of an ``experiment``, else of the traces that cases came from;
    ``scores`` names those that count, all if left out. ``save_as``: a tag that the chosen are given, as a new
    version."""

    strategy: Strategy
    size: Annotated[int, Meta(ge=1, le=2000)]
    version: str = "latest"
    seed: Annotated[int, Meta(ge=0, le=1 << 53)] = 0
    split: str = ""
    tag: str = ""
    method: Method = "words"
    scores: Annotated[list[Words], Meta(max_length=20)] = []
    experiment: str = ""
    save_as: str = ""
    message: str = ""
    expected_revision: int | None = None


class SampledCase(Struct, frozen=True, kw_only=True):
    """``why`` it was chosen, and by which ``value``: a distance, a mean or a spread."""

    id: str
    why: str
    value: float | None


class CaseSample(Struct, frozen=True, kw_only=True):
    """``considered`` cases, of which ``unscored`` have no score that counts."""

    strategy: Strategy
    method: str
    items: list[SampledCase]
    considered: int
    unscored: int
    seed: int
    written: WrittenCases | None


class GenerateCases(Struct, kw_only=True, forbid_unknown_fields=True):
    """``about`` says what they should be like. ``budget`` in US dollars as a decimal string: no further call is made
    that might go beyond it. The caller's own limits hold, too."""

    model: Annotated[str, Meta(min_length=1, max_length=200)]
    count: Annotated[int, Meta(ge=1, le=20)] = 10
    about: Annotated[str, Meta(max_length=4000)] = ""
    budget: str = "1"
    split: str = ""
    tags: tuple[str, ...] = ()
    uses: tuple[Use, ...] = ("evaluate",)
    licence: str = ""


class CaseProposal(Struct, frozen=True, kw_only=True):
    """A case that a model proposed in the call ``trace_id``. ``reviewed``: when somebody decided, null while it is
    open."""

    id: str
    state: State
    case: CaseView
    model: str
    trace_id: str
    author_name: str
    created: int
    reviewer_name: str
    reviewed: int | None


class CaseProposalPage(Struct, frozen=True, kw_only=True):
    items: list[CaseProposal]
    cursor: str | None


class GeneratedCases(Struct, frozen=True, kw_only=True):
    """``cost`` in US dollars as a decimal string, null where the model has no known price. ``left``: what was not
    taken, and why."""

    proposals: list[CaseProposal]
    calls: int
    cost: str | None
    left: list[str]


class AcceptedProposal(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``case``: what it is to be instead, whole; as it was proposed if left out."""

    id: Id
    case: NewCase | None = None


class DecideProposals(Struct, kw_only=True, forbid_unknown_fields=True):
    accept: Annotated[list[AcceptedProposal], Meta(max_length=1000)] = []
    reject: Annotated[list[Id], Meta(max_length=1000)] = []
    message: str = ""
    expected_revision: int | None = None
