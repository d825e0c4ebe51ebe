"""The things of this room. All frozen; times are Unix ms; reviewers are ids of keys.

rule --sends--> Item in a Queue --claim--> Verdict --enough of them--> Outcome --> scores, cases, a hold's release
"""

from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from trimtab.gateway.holds import Holding

Json = Any
NAME: Final = r"[a-z0-9][a-z0-9._-]{0,63}"
CRITERION: Final = r"[a-z0-9][a-z0-9._-]{0,63}"
Decision = Literal["approve", "correct", "reject", "skip"]
CriterionKind = Literal["pass_fail", "scale", "choice", "text"]
RuleKind = Literal["search", "random", "score", "disputed", "complaint", "guard"]
State = Literal["open", "done", "expired", "dropped"]
MOST_OPINIONS: Final = 3


class Criterion(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One question of a rubric; its answer becomes a score of that name. ``pass_fail`` is a share (1 or 0), ``scale`` a
    whole number from ``low`` to ``high`` (kept as a share of the way), ``choice`` one of ``choices`` (a label),
    ``text`` a note. ``judge`` names the judge that answers the same question, so that the two are compared."""

    name: Annotated[str, Meta(pattern=f"^{CRITERION}$")]
    question: Annotated[str, Meta(max_length=2000)] = ""
    kind: CriterionKind = "pass_fail"
    low: int = 1
    high: int = 5
    choices: Annotated[tuple[Annotated[str, Meta(max_length=100)], ...], Meta(max_length=50)] = ()
    required: bool = True
    judge: Annotated[str, Meta(max_length=100)] = ""


class SendRule(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What sends answers to a queue. ``q`` (a search as of traces) narrows every kind.

    ``search``: what it finds. ``random``: an audit of ``share`` of all. ``score``: a score of that ``score``'s name at
    most ``at_most`` or at least ``at_least``. ``disputed``: two who scored the same under one name, and differ by
    ``spread`` or more. ``complaint``: feedback of a user at most ``at_most``. ``guard``: a verdict of a guard at most
    ``at_most``. ``share`` is sampled of what fits, always the same ones. Larger ``priority`` comes first."""

    name: Annotated[str, Meta(pattern=f"^{NAME}$")]
    kind: RuleKind
    q: Annotated[str, Meta(max_length=2000)] = ""
    score: Annotated[str, Meta(max_length=100)] = ""
    at_most: float | None = None
    at_least: float | None = None
    spread: Annotated[float, Meta(gt=0)] = 0.5
    share: Annotated[float, Meta(gt=0, le=1)] = 1.0
    priority: Annotated[float, Meta(ge=-1e6, le=1e6)] = 0.0


class QueueSpec(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """``answer_within_s``: when an item is due. ``double_share`` of the items is seen by two who do not see each
    other's verdict; where they disagree a third decides. ``lease_s``: for how long a claim keeps others off.
    ``reviewers``: ids of the keys that may work here, all if empty. ``most_open``: rules send no more while so many
    wait. ``hide_scores``: reviewers see what judges said only after their own verdict, or they would follow it.
    ``datasets``: into which reviewers may put cases made of its items; who may write datasets anyway, into any."""

    description: Annotated[str, Meta(max_length=2000)] = ""
    instructions: Annotated[str, Meta(max_length=20_000)] = ""
    criteria: Annotated[tuple[Criterion, ...], Meta(max_length=30)] = ()
    rules: Annotated[tuple[SendRule, ...], Meta(max_length=30)] = ()
    answer_within_s: Annotated[int, Meta(ge=60, le=90 * 86_400)] = 86_400
    double_share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    lease_s: Annotated[int, Meta(ge=30, le=86_400)] = 900
    reviewers: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=200)] = ()
    most_open: Annotated[int, Meta(ge=1, le=100_000)] = 2_000
    hide_scores: bool = True
    datasets: Annotated[tuple[Annotated[str, Meta(max_length=64)], ...], Meta(max_length=50)] = ()
    holding: Holding | None = None


class Queue(Struct, frozen=True, kw_only=True):
    """``state`` is the feeder's own: how far each rule has read."""

    project_id: str
    name: str
    spec: QueueSpec
    state: dict[str, Json]
    revision: int
    archived: int | None
    created: int
    updated: int


class SeenScore(Struct, frozen=True, kw_only=True):
    name: str
    value: float | None
    label: str
    explanation: str
    source: str
    evaluator: str


class Subject(Struct, frozen=True, kw_only=True):
    """What the reviewer sees, as it was when it was sent: messages in OpenAI's chat shape, the answer, the texts it may
    rest on (``sources``), tool calls, and what had been said of it. ``note`` says what is missing."""

    input: str = ""
    messages: tuple[Json, ...] = ()
    answer: str | None = None
    sources: tuple[str, ...] = ()
    tool_calls: tuple[Json, ...] = ()
    scores: tuple[SeenScore, ...] = ()
    model: str = ""
    user: str = ""
    session: str = ""
    environment: str = ""
    feature: str = ""
    started: int = 0
    note: str = ""
    withheld: bool = False
    """Texts were taken out, because whoever asks may not read content."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of an item: the ``decision`` that most gave, the third's where all differ. ``agreed``: all decided
    alike on whether the answer was good; null where one decided alone."""

    decision: Decision
    correction: str | None = None
    agreed: bool | None = None
    note: str = ""


class Item(Struct, frozen=True, kw_only=True):
    """``why`` are names of the rules that sent it. ``needed`` opinions of different people, ``given`` so far."""

    id: str
    project_id: str
    queue: str
    key: str
    state: State
    why: tuple[str, ...]
    trace_id: str
    span_id: str
    app: str
    release: str
    subject: Subject
    priority: float
    needed: int
    given: int
    hold: str
    assignee: str
    claimed_by: str
    claimed_until: int | None
    due: int | None
    outcome: Outcome | None
    created: int
    closed: int | None
    revision: int


class Verdict(Struct, frozen=True, kw_only=True):
    """One person's word on an item. ``answers`` by criterion; ``seconds`` it took them, null if nobody measured."""

    item: str
    reviewer: str
    project_id: str
    reviewer_name: str
    decision: Decision
    answers: dict[str, Json]
    correction: str | None
    note: str
    seconds: float | None
    scored: int | None
    created: int
