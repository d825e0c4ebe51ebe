"""Two projects that look the same, with the same ids, in one store: for tests of whatever is asked about them.

What belongs to the other project says so in every text of it: no answer to the one may hold `CANARY`.
"""

import asyncio
import random
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from makings import HOUR, T0, answer, attempt, project, record, request
from msgspec import Struct
from msgspec.structs import replace

from trimtab.ledger.types import Cost
from trimtab.llm.types import Usage
from trimtab.storage.blobs import FolderBlobs
from trimtab.telemetry.calls.mapper import CallMapper
from trimtab.telemetry.reader import TelemetryReader
from trimtab.telemetry.records import CallRecord, Fault
from trimtab.telemetry.rows import Rows, encode
from trimtab.telemetry.scores.types import Score, ScoreBatch, add_scores
from trimtab.telemetry.stores import Store

T = TypeVar("T")
CANARY = "kanarienvogel"
MODELS = ("fast", "smart", "gpt-4o", "gpt-4o-mini")
WORDS = ("refund", "policy", "parcel", "Straße", "invoice 42", "100%", "under_score")


def made(number: int, rnd: random.Random, owner: str, mark: str = "") -> CallRecord:
    """``mark`` is put into every text of it."""
    started = T0 - rnd.randint(0, 20 * HOUR)
    took = rnd.randint(1, 5_000) * 1_000_000
    outcome = rnd.choice(("answer", "answer", "answer", "error", "cancel"))
    fault = Fault(code="upstream_failure", message=f"The teapot broke. {mark}", status=500)
    fields: dict[str, Any] = {"started_ns": started, "ended_ns": started + took, "outcome": outcome}
    if outcome == "error":
        fields["fault"] = fault
    stream = rnd.random() < 0.4
    usage = Usage(input=rnd.randint(0, 2000), cache_read=rnd.choice((0, 512)), output=rnd.randint(0, 500))
    tried = attempt(
        number,
        usage=replace(usage, tier="flex" + mark) if usage.input % 3 == 0 else usage,
        cost=Cost(amount=rnd.randint(0, 10**11), price="x") if rnd.random() < 0.8 else Cost(),
        response=answer(" ".join([*rnd.choices(WORDS, k=3), mark])),
        provider=rnd.choice(("lab", "cloud")) + mark,
        model_used=f"used{mark}",
        response_id=f"id-{number}{mark}",
        **fields,
    )
    return record(
        number,
        project=owner,
        model=rnd.choice(MODELS) + mark,
        feature=rnd.choice(("chat", "search", "")) + mark,
        session=f"session-{rnd.randint(1, 9)}{mark}",
        user=f"user-{rnd.randint(1, 5)}{mark}",
        key_id=f"key_{rnd.randint(1, 3)}{mark}",
        tags=(*(tag for tag in ("beta", "red", "night shift") if rnd.random() < 0.3), *([mark] if mark else [])),
        metadata={"team": rnd.choice(("a", "b")) + mark, "size": str(rnd.randint(1, 9)), f"only{mark}": "x"},
        stream=stream,
        first_token_ns=started + took // 3 if stream else 0,
        status=500 if outcome == "error" else 200,
        request=request(" ".join([*rnd.choices(WORDS, k=4), mark])),
        attempts=(tried,),
        **fields,
    )


SCORES = ("helpful", "tone", "thumb")


def scores_of(call: CallRecord, rnd: random.Random, mark: str = "") -> tuple[Score, ...]:
    """Up to three of a trace, some of them by a person, some taken back."""
    return tuple(
        Score(
            id=f"score-{name}-{call.trace_id}",
            target="span" if name == "tone" else "trace",
            trace_id=call.trace_id,
            span_id=call.span_id if name == "tone" else "",
            name=name + mark,
            value=None if name == "tone" else rnd.choice((0.0, 0.25, 0.5, 1.0)),
            label=rnd.choice(("kind", "curt")) + mark if name == "tone" else mark,
            explanation=mark,
            source="human" if name == "thumb" else "llm",
            at_ns=call.ended_ns,
            valid=rnd.random() < 0.8,
            version=1,
        )
        for name in SCORES
        if rnd.random() < 0.5
    )


def store_all(engine: Store, blobs: FolderBlobs, records: list[CallRecord], token: str, mark: str = "") -> list[Score]:
    rows = Rows()
    mapper = CallMapper(blobs)
    rnd = random.Random(token)
    scores: list[Score] = []
    for place, each in enumerate(records):
        mapper.add(rows, place, each)
        given = scores_of(each, rnd, mark)
        add_scores(rows.scores, place, ScoreBatch(project=each.project, scores=given))
        scores += given
    for table in rows.tables():
        if table.owners:
            engine.insert(table.name, table.columns, encode(table.values), f"{token}:{table.name}")
    return scores


class Two(Struct):
    """``ours`` is asked about; nothing of ``theirs`` may ever be seen."""

    ours: str
    theirs: str
    scores: list[Score]


def two_projects(engine: Store, blobs: FolderBlobs, number: int = 80) -> Two:
    """One, and another with the same ids, but `CANARY` in its texts."""
    ours, theirs = project(), project()
    rnd = random.Random(1)
    scores = store_all(engine, blobs, [made(each, rnd, ours) for each in range(1, number + 1)], ours)
    others = [made(each, rnd, theirs, CANARY) for each in range(1, number + 1)]
    store_all(engine, blobs, others, theirs, CANARY)
    return Two(ours, theirs, scores)


class Asking:
    """A reader with an event loop of its own, for tests that are not coroutines."""

    def __init__(self, source: Path, two: Two) -> None:
        self._runner = asyncio.Runner()
        self.reader = TelemetryReader(source)
        self.ours = two.ours
        self.theirs = two.theirs
        self.scores = two.scores

    def run(self, question: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(question)

    def close(self) -> None:
        self._runner.run(self.reader.aclose())
        self._runner.close()
