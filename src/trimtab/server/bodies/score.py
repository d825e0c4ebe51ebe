"""Bodies of the management API about scores. What is read of them is in `telemetry/views.py`."""

from typing import Annotated

from msgspec import Meta, Struct

from trimtab.telemetry.scores.types import Source, Target
from trimtab.telemetry.views import ScoreView

MOST = 1_000


class NewScore(Struct, kw_only=True, forbid_unknown_fields=True):
    """A judgement. ``target`` follows from what is given if left out: a span, else a trace, else a session. ``value``
    is a number, or true or false (1 and 0); ``label`` a word; one of the two must be there. ``id`` written again
    replaces what it said; so does ``idempotency_key``. ``supersedes`` is the id of a score that this one corrects.
    ``at`` is Unix milliseconds, now if left out. What is scored need not be in the store yet."""

    name: str
    value: float | bool | None = None
    label: str = ""
    explanation: str = ""
    target: Target | None = None
    trace_id: str = ""
    span_id: str = ""
    session: str = ""
    source: Source = "code"
    evaluator: str = ""
    evaluator_version: str = ""
    author: str = ""
    id: str = ""
    idempotency_key: str = ""
    supersedes: str = ""
    at: int | None = None


NewScores = NewScore | Annotated[list[NewScore], Meta(min_length=1, max_length=MOST)]
"""One score, or many: all are taken, or none."""


class Scored(Struct, frozen=True, kw_only=True):
    """The ids of what was written, in the order given. ``as_user``: those that were said to be of source ``human`` and
    stand as ``user``, since the key is an application's."""

    ids: list[str]
    as_user: list[str] = []


class ScorePage(Struct, frozen=True, kw_only=True):
    items: list[ScoreView]
    cursor: str | None = None
