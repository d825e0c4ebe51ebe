"""What an experiment would cost before it is begun: tokens as they were recorded, priced by the price book as it is
now.

Of a call's tokens the best is taken that is known: those of earlier answers to this very dataset, else those of the
subject's traffic of the last week, else what the texts come to, with an answer's length guessed. Which it was is said.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, func, select

from trimtab.core.errors import Conflict, InvalidRequest, TrimtabError, Unavailable
from trimtab.evaluation import cache, cells, experiments
from trimtab.evaluation.answers import body_of, messages_of
from trimtab.evaluation.cells import Which
from trimtab.evaluation.judging import Bound
from trimtab.evaluation.tables import CELLS
from trimtab.evaluation.types import Case, Experiment, Subject
from trimtab.gateway.counting import estimated
from trimtab.gateway.route import candidates
from trimtab.gateway.routing.expand import node_of
from trimtab.gateway.targets import ProjectTargets
from trimtab.ledger.limits import dollars, picodollars
from trimtab.llm.dialects import DIALECTS
from trimtab.llm.providers import PROVIDER_KINDS
from trimtab.llm.types import Usage
from trimtab.releases import store
from trimtab.server.bodies.experiment import ExperimentEstimate, JudgeEstimate, SubjectEstimate
from trimtab.server.dependencies import Dependencies
from trimtab.server.folder.estimating import first_leaf, prompt_tokens
from trimtab.telemetry.views import Window

LOOKED_AT: Final = 50
"""Cases whose texts are counted where nothing was recorded."""
GUESSED_OUTPUT: Final = 300
JUDGE_INPUT: Final = 600
JUDGE_OUTPUT: Final = 200
"""Tokens of a judge's instructions and of its answer, where nothing is recorded: what ours come to."""
DAY_MS: Final = 86_400_000
EARLIER: Final = 20
"""Experiments that are looked back at."""


class Per(Struct, frozen=True, kw_only=True):
    """Tokens of a call on the average, and where that is from."""

    input: int
    output: int
    basis: str


class Asked(Struct, frozen=True, kw_only=True):
    """What is to be estimated: an experiment as ``caller`` (id of the key) would make it."""

    project_id: str
    caller: str
    suite: str
    which: Which
    ids: Sequence[str]
    subjects: tuple[Subject, ...]
    repeats: int
    fresh: bool
    budget: str
    bound: tuple[Bound, ...]


async def estimate(deps: Dependencies, asked: Asked, notes: Sequence[str] = ()) -> ExperimentEstimate:
    sample = asked.ids[:: max(1, len(asked.ids) // LOOKED_AT)][:LOOKED_AT]
    cases = await deps.db.read(lambda conn: cells.cases_by_id(conn, asked.which, sample))
    subjects = [await _subject(deps, asked, each, cases) for each in asked.subjects]
    judges = [_judge(deps, asked, each, subjects) for each in asked.bound if _model_of(each)]
    unknown = [f"the price of {each.subject}" for each in subjects if each.calls and each.cost is None]
    unknown += [f"the price of the judge {each.scorer} ({each.model})" for each in judges if each.cost is None]
    known = sum(picodollars(each.cost) for each in (*subjects, *judges) if each.cost is not None)
    budget = picodollars(asked.budget, param="budget") if asked.budget else None
    return ExperimentEstimate(
        suite=asked.suite,
        dataset=asked.which.dataset,
        version=asked.which.version,
        subjects=subjects,
        judges=judges,
        cases=len(asked.ids),
        repeats=asked.repeats,
        cells=len(asked.ids) * len(asked.subjects) * asked.repeats,
        cost=None if unknown else dollars(known),
        at_least=dollars(known),
        budget=asked.budget,
        over_budget=budget is not None and known > budget,
        unknown=unknown,
        notes=list(notes),
    )


ANY: Final = Per(input=1000, output=1000, basis="")
"""Enough of each to know whether there is a price."""


def unpriced(
    conn: Connection, deps: Dependencies, project_id: str, subjects: Sequence[Subject], bound: Sequence[Bound]
) -> list[str]:
    """What of an experiment has no known price: no budget can bound it."""
    models = [(each.model, first_model(conn, deps, project_id, each)) for each in subjects]
    found = [name for name, model in models if price_of(deps, project_id, model, ANY) is None]
    return found + [
        f"the judge {each.label} ({_model_of(each)})"
        for each in bound
        if _model_of(each) and price_of(deps, project_id, _model_of(each), ANY) is None
    ]


def require_prices(names: Sequence[str]) -> None:
    """Raises `Conflict` where there are such."""
    if names:
        raise Conflict(
            f"There is a budget, and nobody knows the price of {', '.join(names)}: it could not stop what is spent.",
            fix="Set the price ('trimtab prices set'), leave the budget out, or agree with 'allow_unpriced' (on the "
            "command line --yes): then such a call counts as the dearest one whose price is known.",
            code="unpriced",
            param="budget",
        )


async def per_call(deps: Dependencies, found: Experiment) -> int:
    """About what its dearest subject's call costs, in picodollars; 0 where nobody knows."""
    dearest = 0
    for subject in found.subjects:
        at = (found.project_id, found.dataset, subject)
        per = await deps.db.read(lambda conn, at=at: earlier(conn, *at))
        if per is not None:
            model = await _model(deps, found.project_id, subject)
            dearest = max(dearest, price_of(deps, found.project_id, model, per) or 0)
    return dearest


async def _subject(deps: Dependencies, asked: Asked, subject: Subject, cases: Sequence[Case]) -> SubjectEstimate:
    calls = len(asked.ids) * asked.repeats
    known = 0 if asked.fresh else await _known(deps, asked, subject)
    per = await _tokens(deps, asked, subject, cases)
    each = price_of(deps, asked.project_id, await _model(deps, asked.project_id, subject), per)
    return SubjectEstimate(
        subject=subject.model,
        calls=calls - known,
        known=known,
        input_tokens=per.input,
        output_tokens=per.output,
        per_call=None if each is None else dollars(each),
        cost=None if each is None else dollars(each * (calls - known)),
        basis=per.basis,
    )


async def _known(deps: Dependencies, asked: Asked, subject: Subject) -> int:
    """Answers that are in the cache, case by case: a few thousand look-ups in large ones."""
    found = 0
    for start in range(0, len(asked.ids), cells.PAGE):
        some = asked.ids[start : start + cells.PAGE]

        def count(conn: Connection, some: Sequence[str] = some) -> int:
            keys: list[str] = []
            for case in cells.cases_by_id(conn, asked.which, some):
                try:
                    body = body_of(subject, case)
                except InvalidRequest:
                    continue
                keys += [cache.answer_key(subject, body, repeat, asked.caller) for repeat in range(asked.repeats)]
            return len(cache.find(conn, asked.project_id, keys))

        found += await deps.db.read(count)
    return found


async def _tokens(deps: Dependencies, asked: Asked, subject: Subject, cases: Sequence[Case]) -> Per:
    which = asked.which
    before = await deps.db.read(lambda conn: earlier(conn, asked.project_id, which.dataset, subject))
    if before is not None:
        return before
    now = deps.now()
    try:
        traffic = await deps.costs.traffic(
            asked.project_id, subject.app or subject.model, Window(start=now - 7 * DAY_MS, end=now)
        )
    except Unavailable:
        traffic = None
    if traffic is not None and traffic.calls:
        calls = traffic.calls
        return Per(
            input=round((traffic.input + traffic.cache_read + traffic.cache_write) / calls),
            output=round((traffic.output + traffic.reasoning) / calls),
            basis=f"{calls:,} calls of the last 7 days",
        )
    read = [counted(case) for case in cases]
    more, passages = await before_of(deps, asked.project_id, subject)
    return Per(
        input=round(sum(read) / len(read)) + more if read else more,
        output=GUESSED_OUTPUT,
        basis=guessed("the cases' texts", passages),
    )


def counted(case: Case) -> int:
    """About so many tokens a case's messages are."""
    messages = messages_of(case)
    if not messages:
        return 0
    try:
        return estimated(DIALECTS.get("openai_chat").parse_request(
            msgspec.json.encode({"model": "any", "messages": messages})
        ))  # fmt: skip
    except TrimtabError:
        return 0  # the case will be told so when it is asked


async def before_of(deps: Dependencies, project_id: str, subject: Subject) -> tuple[int, int]:
    """About so many tokens a release puts before a call's own, and how many of them are passages of its knowledge: the
    most that they may take, since nobody knows what will be found."""
    if not subject.app:
        return 0, 0
    found = await deps.db.read(lambda conn: store.release(conn, project_id, subject.app, subject.number))
    passages = sum(each.tokens for each in found.content.knowledge)
    return prompt_tokens(found.content) + passages, passages


def guessed(texts: str, passages: int) -> str:
    """In words what tokens are from where nothing is recorded: ``texts`` says whose were counted."""
    found = f", {passages:,} tokens of passages at most" if passages else ""
    return f"{texts}{found}, and a guess of {GUESSED_OUTPUT} tokens of an answer: nothing is recorded yet"


def earlier(conn: Connection, project_id: str, dataset: str, subject: Subject) -> Per | None:
    """What answers of this subject to this dataset came to, else of the same app's or model's."""
    recent = experiments.listed(conn, project_id, limit=EARLIER)
    mine = [(each, place) for each in recent if each.dataset == dataset for place, one in enumerate(each.subjects)
            if one.hash == subject.hash or (one.app and one.app == subject.app)]  # fmt: skip
    for found, place in mine:
        query = select(func.avg(CELLS.c.input_tokens), func.avg(CELLS.c.output_tokens), func.count()).where(
            CELLS.c.experiment == found.id, CELLS.c.subject == place, CELLS.c.input_tokens.is_not(None)
        )
        read, written, count = conn.execute(query).one()
        if count:
            return Per(
                input=round(float(read)), output=round(float(written or 0)),
                basis=f"{count:,} earlier answers ({found.subjects[place].model})",
            )  # fmt: skip
    return None


# --- prices ---


async def _model(deps: Dependencies, project_id: str, subject: Subject) -> str:
    """The model that a call comes to which nothing sends elsewhere, as ``provider/upstream``; empty where that cannot
    be said."""
    return await deps.db.read(lambda conn: first_model(conn, deps, project_id, subject))


def first_model(conn: Connection, deps: Dependencies, project_id: str, subject: Subject) -> str:
    """As `_model` says."""
    if subject.app:
        found = store.release(conn, project_id, subject.app, subject.number)
        pinned = found.content.models.get(first_leaf(node_of(found.content.route)))
        return "" if pinned is None else f"{pinned.provider}/{pinned.upstream}"
    route = deps.snapshots.current.routes.get(project_id, {}).get(subject.model)
    return subject.model if route is None else first_leaf(route.route.tree)


def _model_of(bound: Bound) -> str:
    """The model that a scorer asks, empty for one that asks none."""
    if bound.scorer is None or bound.scorer.source != "llm":
        return ""
    model: Any = bound.plain.get("model")
    return model if isinstance(model, str) and model else "?"


def _judge(deps: Dependencies, asked: Asked, bound: Bound, subjects: Sequence[SubjectEstimate]) -> JudgeEstimate:
    read = max((each.input_tokens or 0) + (each.output_tokens or 0) for each in subjects)
    per = Per(input=JUDGE_INPUT + read, output=JUDGE_OUTPUT, basis="the answers' length and what our judges say")
    both = 1 if "other" in (bound.scorer.needs if bound.scorer is not None else ()) else len(asked.subjects)
    questions = len(asked.ids) * asked.repeats * both
    each = price_of(deps, asked.project_id, _model_of(bound), per)
    return JudgeEstimate(
        scorer=bound.label,
        model=_model_of(bound),
        questions=questions,
        cost=None if each is None else dollars(each * questions),
        basis=per.basis,
    )


def price_of(deps: Dependencies, project_id: str, model: str, per: Per) -> int | None:
    """What a call of a model costs, in picodollars; None where nobody knows."""
    targets: ProjectTargets = deps.snapshots.current.targets[project_id]
    if model not in targets.models and "/" not in model:
        return None
    own = next((each.name for each in targets.models.values() if f"{each.provider}/{each.upstream}" == model), model)
    try:
        target = candidates(targets, own)[0]
    except TrimtabError:
        return None
    return deps.prices.cost(
        kind=PROVIDER_KINDS.get(target.provider.kind),
        model=target.model.name,
        upstream=target.model.upstream,
        usage=Usage(input=per.input, output=per.output, estimated=True),
        at_ns=deps.clock.now_ns(),
        override=target.model.price,
        dated=target.provider.prices,
    ).amount
