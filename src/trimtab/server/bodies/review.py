"""Bodies of the API about review: queues, items, verdicts, holds."""

from typing import Annotated, Any

from msgspec import Meta, Struct

from trimtab.review.queues import Standing
from trimtab.review.types import Decision, Json, Outcome, QueueSpec, State, Subject


class PutQueue(Struct, kw_only=True, forbid_unknown_fields=True):
    """A queue, whole. ``expected_revision``: the change is made only where that is the queue's revision now."""

    spec: QueueSpec = QueueSpec()
    expected_revision: int | None = None


class QueueView(Struct, frozen=True, kw_only=True):
    """``standing``: what waits there now."""

    name: str
    spec: QueueSpec
    standing: Standing
    revision: int
    archived: int | None
    created: int
    updated: int


class QueuePage(Struct, frozen=True, kw_only=True):
    items: list[QueueView]
    cursor: str | None


class VerdictView(Struct, frozen=True, kw_only=True):
    reviewer: str
    reviewer_name: str
    decision: Decision
    answers: dict[str, Json]
    correction: str | None
    note: str
    seconds: float | None
    created: int


class ItemView(Struct, frozen=True, kw_only=True):
    """``blind``: verdicts of others (and scores, where the queue hides them) are kept from the caller, who has not
    spoken yet. ``mine``: the caller's own verdict."""

    id: str
    queue: str
    state: State
    why: list[str]
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
    verdicts: list[VerdictView]
    mine: VerdictView | None
    blind: bool
    created: int
    closed: int | None
    revision: int


class ItemPage(Struct, frozen=True, kw_only=True):
    items: list[ItemView]
    cursor: str | None


class NextItem(Struct, frozen=True, kw_only=True):
    """``item`` is claimed for the caller; null where nothing waits for them."""

    item: ItemView | None


class TakeNext(Struct, kw_only=True, forbid_unknown_fields=True):
    queue: str


class SendToReview(Struct, kw_only=True, forbid_unknown_fields=True):
    """Traces that a person sends to a queue, and why."""

    queue: str
    trace_ids: Annotated[list[Annotated[str, Meta(min_length=1, max_length=64)]], Meta(min_length=1, max_length=100)]
    reason: Annotated[str, Meta(max_length=64)] = "by_hand"
    priority: Annotated[float, Meta(ge=-1e6, le=1e6)] = 0.0


class Sent(Struct, frozen=True, kw_only=True):
    """``items`` are new; ``known`` traces were sent before, ``missing`` ones are not in the store."""

    items: list[str]
    known: list[str]
    missing: list[str]


class NewVerdict(Struct, kw_only=True, forbid_unknown_fields=True):
    """``answers`` by criterion: true or false, a whole number, a choice or a text. ``second_opinion``: another person
    should look, too."""

    decision: Decision
    answers: dict[str, Any] = {}
    correction: Annotated[str, Meta(max_length=100_000)] | None = None
    note: Annotated[str, Meta(max_length=10_000)] = ""
    seconds: Annotated[float, Meta(ge=0, le=1e6)] | None = None
    second_opinion: bool = False


class ChangeItem(Struct, kw_only=True, forbid_unknown_fields=True):
    """``assignee`` is a key's id, or empty for anybody; ``needed`` opinions, up to 3; what is left out stays.
    ``drop``: nobody need look at it any more."""

    assignee: Annotated[str, Meta(max_length=64)] | None = None
    needed: Annotated[int, Meta(ge=1, le=3)] | None = None
    priority: Annotated[float, Meta(ge=-1e6, le=1e6)] | None = None
    drop: bool = False


class ToCase(Struct, kw_only=True, forbid_unknown_fields=True):
    """Into which ``dataset`` the item goes as a case. ``expected``: what a good answer is; left out, the correction, or
    the answer itself where people approved it."""

    dataset: str
    expected: Any = None
    split: str = ""
    tags: list[str] = []
    message: Annotated[str, Meta(max_length=2000)] = ""


class CaseMade(Struct, frozen=True, kw_only=True):
    """``created`` is false where the case was there already and says the same."""

    dataset: str
    version: int
    case_id: str
    created: bool


class HoldView(Struct, frozen=True, kw_only=True):
    """An answer that waits, or waited, for a person. ``item`` is what people see of it."""

    id: str
    item: str
    state: str
    model: str
    request_id: str
    trace_id: str
    fallback: str
    outcome: Outcome | None
    created: int
    expires: int
    ended: int | None


class HoldPage(Struct, frozen=True, kw_only=True):
    items: list[HoldView]
    cursor: str | None
