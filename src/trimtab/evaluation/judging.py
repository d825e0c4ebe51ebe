"""Judging an experiment's answers by its suite's scorers. What a model was asked for a verdict is kept, and not asked
for again for the same answer, scorer, version and options."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.evaluation import cache, samples, scorer_names, suites
from trimtab.evaluation.answers import Answer
from trimtab.evaluation.budget import Budget, Slots
from trimtab.evaluation.cache import Entry
from trimtab.evaluation.cells import Key
from trimtab.evaluation.types import Case, CellScore, Experiment, SuiteSpec
from trimtab.scoring import judge as scoring
from trimtab.scoring.types import CannotScore, Sample, Scorer, Tools, Verdict
from trimtab.storage.database import Database

TRIES: Final = 5
FIRST_PAUSE_S: Final = 0.5
LONGEST_EXPLANATION: Final = 2_000
"""Characters of an explanation that are kept with a cell."""
ELSEWHERE: Final = "It is a function of your folder: 'trimtab eval' scores with it where the folder is."
_UNSEEN: Final = {"latency_ms": None, "ttft_ms": None, "cost": None, "input_tokens": None, "output_tokens": None}
"""What a model judge is not shown: it makes no sample another one."""


class Bound(Struct, frozen=True, kw_only=True):
    """A suite's scorer, ready to judge. ``plain`` are its options as JSON. ``scorer`` is None for a function of a
    folder, and for one that is not there (``trouble`` says why)."""

    label: str
    name: str
    version: str
    scorer: Scorer | None
    options: Any = None
    plain: dict[str, Any] = {}
    trouble: str = ""


def bind(conn: Connection, project_id: str, spec: SuiteSpec) -> tuple[Bound, ...]:
    """The scorers of a suite, judges in the version that there is now. Raises `InvalidRequest` for one that is not
    there."""
    made: list[Bound] = []
    for each in spec.scorers:
        label = suites.label_of(each)
        if suites.is_function(each.scorer):
            made.append(Bound(label=label, name=each.scorer, version="", scorer=None, trouble=ELSEWHERE))
            continue
        try:
            found = scorer_names.resolve(conn, project_id, each.scorer, each.options)
        except NotFound as error:
            raise InvalidRequest(error.message, fix=error.fix, param="scorers", code="scorer_not_found") from error
        made.append(
            Bound(
                label=label,
                name=found.name,
                version=found.version,
                scorer=found.scorer,
                options=found.options,
                plain=msgspec.to_builtins(found.options),
            )
        )
    return tuple(made)


class Asking(Struct, frozen=True, kw_only=True):
    """On whose behalf a scorer reaches the world, and for what. ``key`` is the same for the same verdict."""

    experiment: Experiment
    case_id: str
    scorer: str
    key: str
    paid: Callable[[int | None], None]


ToolsFor = Callable[[Asking], Tools]


class Judging:
    """Of one run. ``compares``: a scorer looks at an answer's siblings; ``asks_models``: judging costs money."""

    def __init__(self, bound: Sequence[Bound], tools: ToolsFor, db: Database, slots: Slots) -> None:
        self._bound = tuple(bound)
        self._tools = tools
        self._db = db
        self._slots = slots
        self._fresh: list[Entry] = []
        scorers = [each.scorer for each in bound if each.scorer is not None]
        self.compares = any({"repeats", "other"} & set(each.needs) for each in scorers)
        self.asks_models = any(each.source == "llm" for each in scorers)

    def take(self) -> list[Entry]:
        """Verdicts to keep, since the last time."""
        found, self._fresh = self._fresh, []
        return found

    def put_back(self, entries: list[Entry]) -> None:
        self._fresh = entries + self._fresh

    async def judge(
        self, found: Experiment, case: Case, key: Key, answer: Answer, outputs: Mapping[Key, str | None],
        said: Mapping[Key, tuple[CellScore, ...]], budget: Budget,
    ) -> tuple[CellScore, ...] | None:  # fmt: skip
        """Every scorer's word on an answer; none on an error. ``said`` is what was said of its siblings. None where the
        budget ended in the middle."""
        if answer.error:
            return ()
        subject, case_id, repeat = key
        others = [text for (s, c, r), text in outputs.items() if s == subject and c == case_id and r != repeat and text]
        opposite = outputs.get((1 - subject, case_id, repeat)) if len(found.subjects) == 2 else None
        sample = samples.of_answer(case, answer, repeats=others, other=opposite)
        scores: list[CellScore] = []
        for bound in self._bound:
            if (mirrored := _mirrored(bound, said.get((0, case_id, repeat), ())) if subject == 1 else None) is not None:
                scores.append(mirrored)
                continue
            if budget.is_spent and bound.scorer is not None and bound.scorer.source == "llm":
                return None
            scores.append(await self._one(found, case_id, bound, sample, budget))
        return tuple(scores)

    async def _one(self, found: Experiment, case_id: str, bound: Bound, sample: Sample, budget: Budget) -> CellScore:
        if bound.scorer is None:
            return CellScore(name=bound.label, unscored=bound.trouble)
        if bound.scorer.source != "llm":
            made = await scoring.judge(bound.scorer, sample, bound.options, Tools(embed=self._embed(found, case_id)))
            await asyncio.sleep(0)  # others' calls go first
            return _score(bound, made)
        shown = msgspec.structs.replace(sample, **_UNSEEN)
        key = cache.score_key(bound.name, bound.version, bound.plain, shown)
        known = (await self._db.read(lambda conn: cache.find(conn, found.project_id, [key]))).get(key)
        if known is not None:
            return msgspec.structs.replace(cache.score_of(known), name=bound.label)
        costs: list[int | None] = []
        made = await self._asked(found, case_id, bound, shown, key, costs)
        for cost in costs:
            budget.spend(cost)
        score = _score(bound, made, None if None in costs else sum(each or 0 for each in costs))
        if not score.unscored:
            self._fresh.append(Entry.of_verdict(key, score))
        return score

    def _embed(self, found: Experiment, case_id: str) -> Any:
        return self._tools(Asking(experiment=found, case_id=case_id, scorer="", key="", paid=_nothing)).embed

    async def _asked(
        self, found: Experiment, case_id: str, bound: Bound, sample: Sample, key: str, costs: list[int | None]
    ) -> Verdict:
        """Asked again where that may help: a judge that is away says nothing of the answer."""
        assert bound.scorer is not None
        for tried in range(1, TRIES + 1):
            own = hashlib.sha256(f"{found.id}:{key}".encode()).hexdigest()[:40]
            asking = Asking(experiment=found, case_id=case_id, scorer=bound.name, key=f"judge:{own}", paid=costs.append)
            async with self._slots:
                made = await scoring.judge(bound.scorer, sample, bound.options, self._tools(asking))
            if not (isinstance(made, CannotScore) and made.retry) or tried == TRIES:
                self._slots.faster()
                return made
            self._slots.slower()
            await asyncio.sleep(FIRST_PAUSE_S * 2 ** (tried - 1))
        raise AssertionError  # the last round returns


def _nothing(_: int | None) -> None:
    return


def _mirrored(bound: Bound, said: Sequence[CellScore]) -> CellScore | None:
    """What a comparison of A with B says of B: the other way round, and paid once."""
    scorer = bound.scorer
    if scorer is None or "other" not in scorer.needs or scorer.kind != "share":
        return None
    first = next((each for each in said if each.name == bound.label), None)
    if first is None:
        return None
    value = None if first.value is None else 1 - first.value
    return msgspec.structs.replace(first, value=value, cost=0)


def _score(bound: Bound, made: Verdict, cost: int | None = 0) -> CellScore:
    if isinstance(made, CannotScore):
        return CellScore(name=bound.label, unscored=made.reason[:1000], version=bound.version, cost=cost)
    return CellScore(
        name=bound.label,
        value=made.value,
        label=made.label[:200],
        explanation=made.explanation[:LONGEST_EXPLANATION],
        version=bound.version,
        cost=cost,
    )
