"""What people say of items, and what comes of it. Functions of a connection; times are Unix ms.

Who reviews does not see what another said before they have spoken. Two who disagree on whether an answer was good get a
third, whose word decides where all differ.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.review import holds, items
from trimtab.review.tables import REVIEW_ITEMS, REVIEW_VERDICTS
from trimtab.review.types import MOST_OPINIONS, Criterion, Decision, Item, Json, Outcome, Queue, Verdict
from trimtab.storage.content import Clear, Of
from trimtab.telemetry.scores.types import MAX_LABEL, Score, id_for

R, V = REVIEW_ITEMS.c, REVIEW_VERDICTS.c
MAX_NOTE: Final = 10_000
MAX_CORRECTION: Final = 100_000
NAME: Final = "review"
"""The name of the score that a decision becomes: 1 approved, 0 not."""


class Given(Struct, frozen=True, kw_only=True):
    """A verdict to be. ``second_opinion``: another person should look, too, whatever this one says."""

    item: Item
    actor: Actor
    decision: Decision
    answers: dict[str, Json]
    correction: str | None
    note: str
    seconds: float | None
    second_opinion: bool
    now: int


def verdicts(conn: Connection, item_id: str) -> list[Verdict]:
    """Of an item, in the order in which they were given."""
    query = select(REVIEW_VERDICTS).where(V.item == item_id).order_by(V.created, V.reviewer)
    return [_verdict(row) for row in conn.execute(query)]


def of_items(conn: Connection, item_ids: Sequence[str]) -> dict[str, list[Verdict]]:
    """By item, each in the order in which they were given; some hundred items at most."""
    query = select(REVIEW_VERDICTS).where(V.item.in_(list(item_ids))).order_by(V.created, V.reviewer)
    found: dict[str, list[Verdict]] = {}
    for row in conn.execute(query):
        found.setdefault(row.item, []).append(_verdict(row))
    return found


def _verdict(row: Any) -> Verdict:
    own = {name: getattr(row, name) for name in Verdict.__struct_fields__ if name != "answers"}
    return Verdict(answers=msgspec.json.decode(row.answers, type=dict[str, Any]), **own)


def give(conn: Connection, queue: Queue, given: Given) -> tuple[Item, Verdict]:
    """Write a verdict down, and close its item where that was the last that was needed; a hold of the item is released
    in the same transaction. Raises `Conflict`, `Forbidden` and `InvalidRequest`."""
    found, reviewer = given.item, given.actor.id
    items.may_work(queue, reviewer)
    answers = check(queue, given)
    at = (R.id == found.id, R.state == "open", items.free(reviewer, given.now), R.revision == found.revision)
    skipped = given.decision == "skip"
    counted = found.given + (not skipped)
    values: dict[str, Any] = {"given": counted, "claimed_by": "", "claimed_until": None, "revision": found.revision + 1}
    if found.assignee == reviewer:
        values["assignee"] = ""  # whoever else is needed must be another
    if conn.execute(update(REVIEW_ITEMS).where(*at).values(values)).rowcount != 1:
        raise items.taken(conn, items.item(conn, found.project_id, found.id), reviewer, given.now)
    verdict = _write(conn, queue, given, answers)
    if not skipped:
        _settle(conn, found, counted, given)
    return items.item(conn, found.project_id, found.id), verdict


def _write(conn: Connection, queue: Queue, given: Given, answers: dict[str, Json]) -> Verdict:
    found = given.item
    made = Verdict(
        item=found.id,
        reviewer=given.actor.id,
        project_id=found.project_id,
        reviewer_name=given.actor.name[:200],
        decision=given.decision,
        answers=answers,
        correction=given.correction if given.decision == "correct" else None,
        note=given.note,
        seconds=given.seconds,
        scored=None,
        created=given.now,
    )
    values = {name: getattr(made, name) for name in made.__struct_fields__}
    told = msgspec.json.encode(answers).decode()
    worded = any(each.kind == "text" and each.name in answers for each in queue.spec.criteria)
    values["answers"] = Of(made.project_id, told) if worded else Clear(told)
    values["correction"] = None if made.correction is None else Of(made.project_id, made.correction)
    values["note"] = Of(made.project_id, made.note)
    try:
        with conn.begin_nested():
            conn.execute(insert(REVIEW_VERDICTS).values(values))
    except IntegrityError as error:
        raise Conflict("You gave your verdict already.", fix="Take the next one.", code="item_taken") from error
    detail = {"decision": given.decision, "queue": found.queue}
    audit.append(
        conn, found.project_id, given.actor, "review.verdict", f"review_item:{found.id}", now=given.now, detail=detail
    )
    return made


def _settle(conn: Connection, found: Item, counted: int, given: Given) -> None:
    """Close the item, or say that another opinion is needed."""
    said = [each for each in verdicts(conn, found.id) if each.decision != "skip"]
    needed = found.needed
    split = len({each.decision == "approve" for each in said}) > 1
    if given.second_opinion or (counted >= needed and split):
        needed = min(MOST_OPINIONS, max(needed, counted + 1))
    if counted < needed:
        conn.execute(update(REVIEW_ITEMS).where(R.id == found.id).values(needed=needed))
        return
    outcome = outcome_of(said)
    values = {"state": "done", "closed": given.now, "outcome": told_of(found.project_id, outcome), "needed": needed}
    conn.execute(update(REVIEW_ITEMS).where(R.id == found.id).values(values))
    if found.hold and not holds.decide(conn, found.project_id, found.hold, outcome, given.now):
        raise Conflict(
            "The time of this answer is up: its user has the fallback already.",
            fix="Take the next one.",
            code="hold_expired",
        )


def told_of(project_id: str, outcome: Outcome) -> Of | Clear:
    """An outcome as it rests: only words are sealed, so that the figures outlive a key."""
    text = msgspec.json.encode(outcome).decode()
    return Of(project_id, text) if outcome.correction or outcome.note else Clear(text)


def outcome_of(said: Sequence[Verdict]) -> Outcome:
    """What most decided; where all differ, what the last did. The correction is the last of that decision."""
    many: Counter[Decision] = Counter(each.decision for each in said)
    best = max(many.values())
    decision: Decision = next(each.decision for each in reversed(said) if many[each.decision] == best)
    last = next(each for each in reversed(said) if each.decision == decision)
    agreed = None if len(said) < 2 else len({each.decision == "approve" for each in said}) == 1
    return Outcome(decision=decision, correction=last.correction, agreed=agreed, note=last.note)


# --- what may be said ---


def check(queue: Queue, given: Given) -> dict[str, Json]:
    """The answers to the rubric. Raises `InvalidRequest` that names what is wrong."""
    if len(given.note) > MAX_NOTE or len(given.correction or "") > MAX_CORRECTION:
        raise _wrong("note", "A note has at most 10,000 characters, a correction 100,000.", "Shorten it.")
    if given.decision == "correct" and not (given.correction or "").strip():
        raise _wrong("correction", "A correction says what the answer should be.", "Give 'correction', or reject it.")
    if given.decision == "skip":
        return {}
    known = {each.name: each for each in queue.spec.criteria}
    for name in given.answers:
        if name not in known:
            raise _wrong("answers", f"The rubric has no {name[:80]!r}.", f"It has {', '.join(known) or 'no criteria'}.")
    lacking = [each.name for each in queue.spec.criteria if each.required and given.answers.get(each.name) is None]
    if lacking:
        raise _wrong("answers", f"The rubric also asks for {', '.join(lacking)}.", "Answer it, or skip the item.")
    return {name: _answered(known[name], value) for name, value in given.answers.items() if value is not None}


def _answered(of: Criterion, value: Json) -> Json:
    if of.kind == "pass_fail" and isinstance(value, bool):
        return value
    if of.kind == "scale" and isinstance(value, int) and not isinstance(value, bool) and of.low <= value <= of.high:
        return value
    if of.kind == "choice" and isinstance(value, str) and value in of.choices:
        return value
    if of.kind == "text" and isinstance(value, str) and len(value) <= MAX_NOTE:
        return value
    wanted = {
        "pass_fail": "true or false",
        "scale": f"a whole number from {of.low} to {of.high}",
        "choice": f"one of {', '.join(of.choices)}",
        "text": "a text of at most 10,000 characters",
    }[of.kind]
    raise _wrong("answers", f"This is no answer to {of.name!r}.", f"Give {wanted}.")


# --- what it becomes ---


def scores_of(queue: Queue, found: Item, verdict: Verdict, version_ns: int) -> list[Score]:
    """A score for the decision and one for each criterion, of source ``human``; none of a skipped item, or one without
    a trace. Written again they are the same."""
    if verdict.decision == "skip" or not found.trace_id:
        return []
    said: list[tuple[str, float | None, str, str]] = [
        (NAME, float(verdict.decision == "approve"), verdict.decision, verdict.note or verdict.correction or "")
    ]
    for each in queue.spec.criteria:
        answer = verdict.answers.get(each.name)
        if answer is not None and (each.kind != "text" or answer):
            said.append((each.name, *_valued(each, answer)))
    return [_score(found, verdict, version_ns, *each) for each in said]


def _valued(of: Criterion, answer: Any) -> tuple[float | None, str, str]:
    if of.kind == "pass_fail":
        return float(answer), "pass" if answer else "fail", ""
    if of.kind == "scale":
        return (answer - of.low) / (of.high - of.low), f"{answer} of {of.low} to {of.high}", ""
    return None, ("said" if of.kind == "text" else str(answer))[:MAX_LABEL], str(answer) if of.kind == "text" else ""


def _score(
    found: Item, verdict: Verdict, version_ns: int, name: str, value: float | None, label: str, why: str
) -> Score:
    return Score(
        id=id_for(found.project_id, f"review\0{found.id}\0{verdict.reviewer}\0{name}"),
        target="span" if found.span_id else "trace",
        trace_id=found.trace_id,
        span_id=found.span_id,
        name=name,
        value=value,
        label=label,
        explanation=why[:MAX_NOTE],
        source="human",
        evaluator=f"review/{found.queue}",
        author=verdict.reviewer,
        at_ns=verdict.created * 1_000_000,
        version=version_ns,
    )


def unscored(conn: Connection, before: int, limit: int = 100) -> list[Verdict]:
    """Those older than that (Unix ms) whose scores are not known to be durable."""
    query = select(REVIEW_VERDICTS).where(V.scored.is_(None), V.created <= before).order_by(V.created).limit(limit)
    return [_verdict(row) for row in conn.execute(query)]


def mark_scored(conn: Connection, verdict: Verdict, now: int) -> None:
    at = (V.item == verdict.item, V.reviewer == verdict.reviewer)
    conn.execute(update(REVIEW_VERDICTS).where(*at).values(scored=now))


def _wrong(param: str, message: str, fix: str) -> InvalidRequest:
    return InvalidRequest(message, fix=fix, param=param, code="verdict_invalid")
