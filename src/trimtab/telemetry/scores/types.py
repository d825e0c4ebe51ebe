"""Scores: judgements of a trace, a span or a session, by people, code, models and detectors.

A score is a name with a number (``value``), a word (``label``), or both, and who says so. It is written through the
spool as calls are, acknowledged when durable, and rests in a table of its own; the target need not be there yet, for
spans may come later. The same id written again replaces what it said before; an invalid score stays and counts nowhere.
"""

import hashlib
import math
from typing import Final, Literal

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.core.ids import new_id
from trimtab.governance.sealing import TEXT as SEALED
from trimtab.telemetry.rows import ScoreTable

Target = Literal["trace", "span", "session"]
Source = Literal["human", "user", "code", "llm", "detector", "guard"]
"""Who judged: a person asked to (``human``), whoever got the answer (``user``), or a program."""
OF_PEOPLE: Final = ("human", "user")

OURS: Final = ("review/", "judge:", "trimtab/")
"""What the names begin with of evaluators that are this server's own: verdicts of review, judges, detectors and
feedback. What they say opens gates and takes releases back, so nobody else says it in their name."""
MAX_NAME: Final = 100
MAX_ID: Final = 200
MAX_LABEL: Final = 500
MAX_EXPLANATION: Final = 10_000


class Score(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """``at_ns`` is when the judgement was made, ``version`` when it was written here (both Unix ns): of two with the
    same id the later written holds. ``value`` null: there is only a label. ``supersedes`` is the id of the score that
    this one corrects; ``key`` the idempotency key its id was made from."""

    id: str
    target: Target = "trace"
    trace_id: str = ""
    span_id: str = ""
    session: str = ""
    name: str
    value: float | None = None
    label: str = ""
    explanation: str = ""
    source: Source = "code"
    evaluator: str = ""
    evaluator_version: str = ""
    author: str = ""
    at_ns: int
    key: str = ""
    supersedes: str = ""
    valid: bool = True
    version: int


class ScoreBatch(Struct, frozen=True, kw_only=True):
    """One project's scores that were written together: a record of the spool."""

    project: str
    scores: tuple[Score, ...]
    format: int = 1


def id_for(project: str, key: str) -> str:
    """The id of a score that came with an idempotency key: the same for the same key, and of one project only."""
    return "score_" + hashlib.sha256(f"{project}\0{key}".encode()).hexdigest()[:32]


def strangers(evaluator: str) -> str:
    """The name of an evaluator that another program told of itself: never one of `OURS`."""
    return f"other/{evaluator}" if evaluator.startswith(OURS) else evaluator


def told_by_program(source: Source) -> Source:
    """What a program's word counts as: only people, with keys of their own, say what a person judged (``human``). What
    an application passes on of a person is the word of one of its users."""
    return "user" if source == "human" else source


def is_ours(score: Score) -> bool:
    """Whether people, judges or detectors of this server said it: no application's key takes that back."""
    return score.source == "human" or score.evaluator.startswith(OURS)


def new_score_id() -> str:
    return new_id("score")


def check(score: Score) -> Score:
    """The score, if it says something that can be stored and found again. Raises `InvalidRequest`."""
    if not score.name.strip() or len(score.name) > MAX_NAME or not score.name.isprintable():
        raise _wrong("name", f"A score's name is 1 to {MAX_NAME} printable characters.", "Name what was judged.")
    if score.value is None and not score.label:
        raise _wrong("value", "A score needs a value or a label.", "Give a number as 'value', or a word as 'label'.")
    if score.value is not None and not math.isfinite(score.value):
        raise _wrong("value", "A score's value is a finite number.", "Leave it out if it could not be scored.")
    _check_target(score)
    for name in ("id", "trace_id", "span_id", "session", "key", "supersedes", "evaluator", "author"):
        if len(getattr(score, name)) > MAX_ID:
            raise _wrong(name, f"{name} has more than {MAX_ID} characters.", "Shorten it.")
    if len(score.label) > MAX_LABEL:
        raise _wrong("label", f"A label has at most {MAX_LABEL} characters.", "Put prose into 'explanation'.")
    if len(score.explanation) > MAX_EXPLANATION:
        raise _wrong("explanation", f"An explanation has at most {MAX_EXPLANATION} characters.", "Shorten it.")
    if not 0 <= score.at_ns < 1 << 63:
        raise _wrong("at", "The time is out of range.", "Give Unix milliseconds, or leave it out.")
    return score


def _check_target(score: Score) -> None:
    if score.target == "session" and not score.session:
        raise _wrong("session", "A score of a session needs 'session'.", "Give the session's id.")
    if score.target != "session" and not score.trace_id:
        raise _wrong("trace_id", f"A score of a {score.target} needs 'trace_id'.", "Give the trace's id.")
    if score.target == "span" and not score.span_id:
        raise _wrong("span_id", "A score of a span needs 'span_id'.", "Give it, or score the trace.")


def _wrong(param: str, message: str, fix: str) -> InvalidRequest:
    return InvalidRequest(message, fix=fix, param=param)


def add_scores(table: ScoreTable, owner: int, batch: ScoreBatch) -> None:
    """Append the rows of one record; ``owner`` is its place in the spool's batch. What explains a score is sealed where
    its project is encrypted; what only looks sealed loses the mark of it, or nobody could read it."""
    for score in batch.scores:
        why = score.explanation[1:] if score.explanation.startswith(SEALED) else score.explanation
        table.add(
            owner,
            (
                batch.project, score.id, score.target, score.trace_id, score.span_id, score.session, score.name,
                score.value, score.label, table.ring.seal_text(batch.project, why), score.source,
                score.evaluator, score.evaluator_version, score.author, score.at_ns, score.key, score.supersedes,
                int(score.valid), score.version,
            ),
        )  # fmt: skip
