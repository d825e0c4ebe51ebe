"""Where cases come from: traffic, samples, models; and which of them say the same."""

import asyncio
from collections.abc import Iterable, Sequence
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from litestar.params import FromPath, FromQuery, JSONBody, QueryParameter
from msgspec import Meta, Struct, structs
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest, Unsupported
from trimtab.evaluation import dataset_writes, datasets, duplicates, generate, likeness, proposals, sampling
from trimtab.evaluation.case_scores import of_experiment
from trimtab.evaluation.cases import check, input_text, made
from trimtab.evaluation.dataset_writes import Written
from trimtab.evaluation.datasets import LATEST, Wanted
from trimtab.evaluation.duplicates import Duplicates, Method
from trimtab.evaluation.from_traces import How, case_of
from trimtab.evaluation.generate import Told, Wish
from trimtab.evaluation.proposals import Proposal, State, Thought
from trimtab.evaluation.sampling import Judged, Picked
from trimtab.evaluation.types import Case, DatasetVersion
from trimtab.governance import data_classes
from trimtab.governance.access import Project
from trimtab.llm.embedder import Embedder
from trimtab.server.bodies.dataset import WrittenCases
from trimtab.server.bodies.dataset_making import (
    CaseProposal,
    CaseProposalPage,
    CaseSample,
    CasesFromTraces,
    DecideProposals,
    GenerateCases,
    GeneratedCases,
    SampleCases,
    SampledCase,
)
from trimtab.server.case_sources import POOL, Place, Sources, by_scores
from trimtab.server.dataset_views import ONE, TAG, author_of, case_view, no_nul, writing, written_view
from trimtab.server.dependencies import Dependencies
from trimtab.server.inner.calls import OURS, InnerCaller
from trimtab.server.prompt_reading import aside
from trimtab.server.routes import CallerNow, Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor
from trimtab.telemetry.units import dollars
from trimtab.telemetry.views import Window

WEEK_MS = 7 * 24 * 3600 * 1000
GENERATING = f"{OURS}generate"
DEADLINE_S = 180.0
PICO = Decimal(10**12)
MOST_CHARACTERS = 64_000_000
"""Of the inputs that a sample is drawn by, together."""
AtLeast = Annotated[
    Annotated[float, Meta(ge=0.5, le=1, description="How alike; by words 0.8, by meaning 0.95.")] | None,
    QueryParameter(ge=0.5, le=1),
]
Only = Annotated[State, QueryParameter(name="state")]
GIVEN = ("split", "tags", "uses", "licence", "consent", "pii")


# --- from traffic ---


@route(
    "POST",
    ONE + "/from-traces",
    "dataset:write",
    Operation(
        id="casesFromTraces", summary="Make cases of recorded calls", tag=TAG, errors=(404, 409), needs_content=True
    ),
)
async def cases_from_traces(
    deps: Deps, caller: CallerNow, tenant: Tenant, dataset: FromPath[str], data: JSONBody[CasesFromTraces]
) -> WrittenCases:
    """A case keeps its trace's id, the app's variables, the tools, and the texts that retrievers gave; calls of one
    session are one group. What cannot become a case is in ``left``, with why."""
    author = await author_of(deps, caller)
    await deps.db.read(lambda conn: datasets.get(conn, tenant.id, dataset))
    sources = Sources(deps.reader, tenant.id)
    places = await _places(deps, sources, data)
    how = How(expected=data.expected, **{name: getattr(data, name) for name in GIVEN})
    calls = await asyncio.gather(*(sources.call(place) for place in places))
    cases: dict[str, Case] = {}
    left: list[str] = []
    for place, call in zip(places, calls, strict=True):
        found = "there is no such call here" if call is None else await asyncio.to_thread(case_of, call, how)
        if isinstance(found, str):
            left.append(f"{place.trace_id}: {found}")
            continue
        try:
            case = made(found, author)
        except InvalidRequest as error:
            left.append(f"{place.trace_id}: {error.message}")
        else:
            cases[case.id] = case
    change = writing(tenant, dataset, author, data.message or "From recorded calls", data.expected_revision)

    def write(conn: Connection) -> Written:
        there = frozenset[str]()
        _inherit(conn, tenant, dataset, sources.classes, deps.now())
        if not data.update:
            there = _there(conn, tenant, dataset, list(cases))
        left.extend(f"{name}: it is a case already" for name in sorted(there))
        return dataset_writes.write(conn, change, put=[case for name, case in cases.items() if name not in there])

    return written_view(await deps.db.write(write), left=left)


def _inherit(conn: Connection, tenant: Project, dataset: str, classes: set[str], now: int) -> None:
    """A dataset is of the most sensitive class among the calls that its cases were made of."""
    if classes:
        highest = data_classes.classes_of(conn, tenant.id).highest(classes)
        mark = data_classes.Mark(project_id=tenant.id, subject="dataset", name=dataset, data_class=highest)
        data_classes.raise_mark(conn, mark, now)


def _there(conn: Connection, tenant: Project, dataset: str, ids: Sequence[str]) -> frozenset[str]:
    found = datasets.get(conn, tenant.id, dataset, lock=True)
    if not found.newest or not ids:
        return frozenset()
    of = datasets.version(conn, tenant.id, dataset, found.newest)
    return frozenset(case.id for case in datasets.cases(conn, of, Wanted(ids=tuple(ids))))


async def _places(deps: Dependencies, sources: Sources, data: CasesFromTraces) -> list[Place]:
    named = [Place(trace) for trace in data.traces] + [Place(each.trace_id, each.span_id) for each in data.spans]
    no_nul(data.q, *data.traces, *(part for each in data.spans for part in (each.trace_id, each.span_id)))
    if named:
        if data.q:
            raise InvalidRequest("Calls are named by a search, or by their ids.", fix="Leave one out.", param="q")
        return list(dict.fromkeys(named))
    end = deps.now() + 1 if data.end is None else data.end
    start = max(0, end - WEEK_MS) if data.start is None else data.start
    if not 0 <= start < end < 1 << 43:
        raise InvalidRequest("The time range is empty.", fix="Give a 'start' before 'end'.", param="start")
    window = Window(start=start, end=end)
    if data.sample == "newest":
        rows = await sources.search(data.q, window, data.limit)
    else:
        pool = await sources.search(data.q, window, POOL)
        rows = await sources.chosen(pool, data.sample, data.limit, data.seed, data.scores)
    return [Place(row.trace_id) for row in rows]


# --- what says the same ---


@route(
    "GET",
    ONE + "/duplicates",
    "dataset:read",
    Operation(id="findDuplicateCases", summary="Cases that say the same, or nearly", tag=TAG, errors=(404,)),
)
async def find_duplicates(
    deps: Deps,
    tenant: Tenant,
    dataset: FromPath[str],
    version: FromQuery[str] = LATEST,
    method: FromQuery[Method] = "words",
    at_least: AtLeast = None,
) -> Duplicates:
    """By the hash of a normal form, and by MinHash over sequences of words (``words``) or the local embedder
    (``meaning``, up to 1,000 cases). Pairs in two splits are counted apart."""

    def read(conn: Connection) -> list[duplicates.Slim]:
        of = datasets.version(conn, tenant.id, dataset, version)
        return [duplicates.slim(case) for case in datasets.each(conn, of)]

    cases = await deps.db.read(read)
    bound = duplicates.AT_LEAST[method] if at_least is None else at_least
    if method == "words":
        return await aside(deps, duplicates.find, cases, bound)
    vectors = await _embedded(deps.embedder, [case.text for case in duplicates.distinct(cases)])
    return await aside(deps, duplicates.find_by_meaning, cases, vectors, bound)


async def _embedded(embedder: Embedder, texts: Sequence[str]) -> Any:
    import numpy

    return numpy.stack(await embedder.embed(texts)) if texts else numpy.zeros((0, 1), dtype=numpy.float32)


# --- samples ---


@route(
    "POST",
    ONE + "/sample",
    "dataset:write",
    Operation(id="sampleCases", summary="Choose the most informative cases", tag=TAG, errors=(404, 409)),
)
async def sample_cases(
    deps: Deps, caller: CallerNow, tenant: Tenant, dataset: FromPath[str], data: JSONBody[SampleCases]
) -> CaseSample:
    """The same seed gives the same sample of the same version."""
    no_nul(data.split, data.tag, data.experiment, data.version)
    author = await author_of(deps, caller)
    wanted = Wanted(split=data.split, tags=(data.tag,) if data.tag else ())

    def read(conn: Connection) -> tuple[DatasetVersion, list[Brief]]:
        of = datasets.version(conn, tenant.id, dataset, data.version)
        if data.strategy == "diverse":
            _require_few(datasets.count(conn, of, wanted), sampling.MOST_DIVERSE)
        return of, briefly(datasets.each(conn, of, wanted), with_text=data.strategy == "diverse")

    of, cases = await deps.db.read(read)
    scores: list[list[Judged]] = []
    if data.strategy in ("failing", "disputed"):
        scores = await _scores(deps, tenant, cases, data)
    picked = await _picked(deps, cases, scores, data)
    done: WrittenCases | None = None
    if data.save_as and picked:
        message = data.message or f"A {data.strategy} sample of version {of.number}, seed {data.seed}"
        change = writing(tenant, dataset, author, message, data.expected_revision)
        ids = [cases[each.at].id for each in picked]
        done = await deps.db.write(lambda conn: written_view(_tagged(conn, change, ids, data.save_as)))
    return CaseSample(
        strategy=data.strategy,
        method=_method(data),
        items=[SampledCase(id=cases[each.at].id, why=each.why, value=each.value) for each in picked],
        considered=len(cases),
        unscored=sampling.unscored(scores),
        seed=data.seed,
        written=done,
    )


class Brief(Struct, frozen=True):
    """What a sample is drawn by: a case's id, the beginning of its input, and its trace where it is made of one. Whole
    cases of a large dataset do not fit into memory."""

    id: str
    text: str
    trace: str


def briefly(cases: Iterable[Case], *, with_text: bool) -> list[Brief]:
    """Raises `InvalidRequest` where their texts are too long together."""
    found: list[Brief] = []
    size = 0
    for case in cases:
        text = input_text(case)[: likeness.MAX_CHARACTERS] if with_text else ""
        size += len(text)
        if size > MOST_CHARACTERS:
            raise InvalidRequest(
                f"The inputs of these cases have more than {MOST_CHARACTERS:,} characters together.",
                fix="Sample one split, or at random first.",
                param="strategy",
            )
        trace = case.provenance.source if case.provenance.origin == "trace" else ""
        found.append(Brief(case.id, text, trace))
    return found


def _require_few(count: int, most: int) -> None:
    if count > most:
        raise InvalidRequest(
            f"At most {most:,} cases are compared with each other; these are {count:,}.",
            fix="Sample one split, or at random first.",
            param="strategy",
        )


def _method(data: SampleCases) -> str:
    if data.strategy == "diverse":
        by = "the local embedder" if data.method == "meaning" else "hashed words and letters"
        return f"greedy k-center by {by}"
    if data.strategy == "random":
        return "drawn at random"
    source = f"of {data.experiment}" if data.experiment else "of the cases' traces"
    return f"by {'the lowest mean' if data.strategy == 'failing' else 'the widest spread'} of scores {source}"


async def _picked(
    deps: Dependencies, cases: Sequence[Brief], scores: Sequence[Sequence[Judged]], data: SampleCases
) -> list[Picked]:
    if data.strategy == "random":
        return sampling.at_random(len(cases), data.size, data.seed)
    if data.strategy != "diverse":
        return by_scores(data.strategy, scores, data.size, data.seed)
    texts = [case.text for case in cases]
    if data.method == "meaning":
        if len(texts) > duplicates.MOST_EMBEDDED:
            raise InvalidRequest(
                f"By meaning, at most {duplicates.MOST_EMBEDDED:,} cases are compared; these are {len(texts):,}.",
                fix="Compare by words, or sample one split.",
                param="method",
            )
        vectors = await _embedded(deps.embedder, texts)
    else:
        vectors = await aside(deps, likeness.vectors, texts)
    return await aside(deps, sampling.diverse, vectors, data.size, data.seed)


async def _scores(deps: Dependencies, tenant: Project, cases: Sequence[Brief], data: SampleCases) -> list[list[Judged]]:
    if data.experiment:
        found = await deps.db.read(lambda conn: of_experiment(conn, tenant.id, data.experiment, data.scores))
        return [found.get(case.id, []) for case in cases]
    traced = [case for case in cases if case.trace]
    if len(traced) > 500:
        raise InvalidRequest(
            f"The scores of at most 500 traces are read at a time; {len(traced):,} of these cases come from traces.",
            fix="Name an experiment, a split or a tag.",
            param="experiment",
        )
    sources = Sources(deps.reader, tenant.id)
    read = await asyncio.gather(*(sources.scores(case.trace, data.scores) for case in traced))
    by_case = {case.id: scores for case, scores in zip(traced, read, strict=True)}
    return [by_case.get(case.id, []) for case in cases]


def _tagged(conn: Connection, change: dataset_writes.Writing, ids: Sequence[str], tag: str) -> Written:
    """The newest of these cases with one tag more; those that are gone by now are let go."""
    of = datasets.version(conn, change.project_id, change.dataset)
    found: list[Case] = []
    for start in range(0, len(ids), 500):
        found += datasets.cases(conn, of, Wanted(ids=tuple(ids[start : start + 500])))
    tagged = [structs.replace(case, tags=tuple(dict.fromkeys((*case.tags, tag)))) for case in found]
    for case in tagged:
        check(case)
    return dataset_writes.write(conn, change, change=tagged)


# --- proposals of a model ---


@route(
    "POST",
    ONE + "/generate",
    "dataset:write",
    Operation(
        id="generateCases", summary="Let a model propose cases", tag=TAG, errors=(404, 409, 429), needs_content=True
    ),
)
async def generate_cases(
    deps: Deps, caller: CallerNow, tenant: Tenant, dataset: FromPath[str], data: JSONBody[GenerateCases]
) -> GeneratedCases:
    """A call or two through the live path, with the caller's limits, in the ledger under the feature
    ``trimtab.generate``. What it says waits as proposals until a person decides. The model is shown up to eight of the
    dataset's cases; cases that must not be used to ``tune`` are not shown."""
    inner = deps.inner_calls
    if inner is None:
        raise Unsupported("No model can be called from here.", fix="Ask a whole server.")
    author = await author_of(deps, caller)
    known = await deps.db.read(lambda conn: proposals.inputs(conn, tenant.id, dataset))
    shown = await deps.db.read(lambda conn: _shown(conn, tenant, dataset))
    asker = InnerCaller(project_id=tenant.id, feature=GENERATING, key_id=caller.principal.key_id, tags=(dataset,))

    async def tell(body: dict[str, Any]) -> Told:
        answer = (await inner.call(asker, body, deadline_s=DEADLINE_S)).raised()
        return Told(text=answer.text, cost=answer.cost, trace_id=answer.trace_id)

    wish = Wish(model=data.model, count=data.count, about=data.about, examples=shown, budget=_picodollars(data.budget))
    found = await generate.ideas(tell, wish)
    given = {"split": data.split, "tags": data.tags, "uses": data.uses, "licence": data.licence}
    thought = Thought(model=data.model, ideas=found.found, given=given)
    kept, left = await deps.db.write(lambda conn: proposals.add(conn, tenant.id, dataset, thought, author, known))
    return GeneratedCases(
        proposals=[_proposal(each) for each in kept],
        calls=found.calls,
        cost=None if found.cost is None else dollars(found.cost),
        left=[*found.left, *left],
    )


def _shown(conn: Connection, tenant: Project, dataset: str) -> list[Case]:
    """Examples for the model: the first that may be used so."""
    found = datasets.get(conn, tenant.id, dataset)
    if not found.newest:
        return []
    of = datasets.version(conn, tenant.id, dataset, found.newest)
    page = datasets.cases(conn, of, limit=200)
    return [case for case in page if datasets.allows(case, "tune")][: generate.EXAMPLES]


def _picodollars(text: str) -> int:
    try:
        amount = Decimal(text)
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite() or not 0 < amount <= 1000:
        raise InvalidRequest("The budget is US dollars above 0 and at most 1000.", fix="Write '0.50'.", param="budget")
    return int(amount * PICO)


def _proposal(found: Proposal) -> CaseProposal:
    values = {name: getattr(found, name) for name in CaseProposal.__struct_fields__ if name != "case"}
    return CaseProposal(case=case_view(found.case), **values)


@route(
    "GET",
    ONE + "/proposals",
    "dataset:read",
    Operation(id="listCaseProposals", summary="What a model proposed", tag=TAG, errors=(404,)),
)
async def list_proposals(
    deps: Deps,
    tenant: Tenant,
    dataset: FromPath[str],
    only: Only = "open",
    cursor: Cursor = None,
    limit: Limit = 100,
) -> CaseProposalPage:
    """Oldest first."""
    after = read_cursor(cursor)
    rows = await deps.db.read(
        lambda conn: proposals.listed(conn, tenant.id, dataset, only, after=after, limit=limit + 1)
    )
    more = write_cursor(rows[limit - 1].id) if len(rows) > limit else None
    return CaseProposalPage(items=[_proposal(row) for row in rows[:limit]], cursor=more)


@route(
    "POST",
    ONE + "/proposals",
    "dataset:write",
    Operation(id="decideCaseProposals", summary="Take or leave what a model proposed", tag=TAG, errors=(404, 409)),
)
async def decide_proposals(
    deps: Deps, caller: CallerNow, tenant: Tenant, dataset: FromPath[str], data: JSONBody[DecideProposals]
) -> WrittenCases:
    """What is accepted becomes cases, all of one decision as one version; all of it is done, or nothing."""
    no_nul(*(each.id for each in data.accept), *data.reject)
    author = await author_of(deps, caller)
    accepted = {each.id: each.case for each in data.accept}
    if len(accepted) != len(data.accept):
        raise InvalidRequest("A proposal is accepted twice.", fix="Name each once.", param="accept")
    change = writing(tenant, dataset, author, data.message or "Took what a model proposed", data.expected_revision)
    done = await deps.db.write(lambda conn: proposals.decide(conn, change, author, accepted, data.reject))
    return written_view(done)


ROUTES = (
    cases_from_traces,
    find_duplicates,
    sample_cases,
    generate_cases,
    list_proposals,
    decide_proposals,
)
