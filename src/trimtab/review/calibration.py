"""Judges held against people: what both said of the same answers.

The label of an answer is what people said of it in review (scores of source ``human`` by ``review/QUEUE``, which nobody
writes but verdicts): under the judge's own name, or under a criterion of a queue that names the judge. Values are
shares, and half or more is a pass. Where people are split on an answer it tells nothing of the judge and is left out,
counted. docs/calibration.md says how to read the figures.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol, TypeVar

from msgspec import Struct

from trimtab.evaluation.calibrations import Drift, Figure, Figures, JudgeRate, JudgeSegment
from trimtab.scoring.agreement import cohen_kappa, confusion
from trimtab.scoring.corrected import Corrected, Labelled, operating, prediction_powered, rogan_gladen
from trimtab.scoring.fixed import newcombe
from trimtab.scoring.sequential import Interval
from trimtab.scoring.shares import mid_p_share
from trimtab.scoring.units import Observed
from trimtab.telemetry.search.score_versions import newest
from trimtab.telemetry.stores import Value

T = TypeVar("T")
PASS: Final = 0.5
CLASSES: Final = ("fail", "pass")
DAYS: Final = 90
"""Labels older than that say little of how a judge does now."""
RECENT_DAYS: Final = 14
FEWEST_RECENT: Final = 20
MOST: Final = 50_000
DAY_NS: Final = 86_400 * 10**9
PREFIX: Final = "judge:"


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]: ...


class Judge(Struct, frozen=True, order=True):
    """A version of a judge, as its scores name it."""

    scorer: str
    version: str


class _Line(Struct, frozen=True, array_like=True):
    trace_id: str
    human_span: str
    judge_span: str
    human_name: str
    judge_name: str
    scorer: str
    version: str
    people: float
    judge: float
    judged_ns: int
    human_ns: int


class Pair(Struct, frozen=True, kw_only=True):
    """One answer: the share of passes among ``people`` who judged it, and what the judge said."""

    trace_id: str
    people: float
    judge: float
    judged_ns: int
    app: str = ""
    release: str = ""


class Found(Struct, frozen=True, kw_only=True):
    """What there is of one version of a judge. ``judged`` are its verdicts on answers nobody labelled."""

    pairs: list[Pair]
    disputed: int
    judged: list[float]
    since_ns: int
    newest_label_ns: int


_HUMAN: Final = (
    "source = 'human' AND startsWith(evaluator, 'review/') AND valid = 1 AND target != 'session'"
    " AND value IS NOT NULL AND at_ns >= {since:Int64}"
)
_JUDGED: Final = "source = 'llm' AND valid = 1 AND target != 'session' AND value IS NOT NULL AND at_ns >= {since:Int64}"
_OF_SPAN: Final = "if(target = 'span', span_id, '')"


async def newest_labels(asker: Asker, since_ns: int) -> dict[str, int]:
    """By project, when the last label was written (Unix ns), in one question. Raises `Unavailable`."""
    sql = f"SELECT project, toInt64(max(version)) FROM scores WHERE {_HUMAN} GROUP BY project ORDER BY project"  # noqa: S608
    return dict(await asker.ask(tuple[str, int], sql, {"since": since_ns}))


async def gather(
    asker: Asker, project: str, criteria: Mapping[str, Sequence[str]], now_ns: int, only: str = ""
) -> dict[Judge, Found]:
    """Of every judge that has labels, or of ``only`` that one. ``criteria``: by a judge's name, those of review queues
    that ask the same. Raises `Unavailable` while the store is away."""
    since = max(0, now_ns - DAYS * DAY_NS)
    params: dict[str, Value] = {"project": project, "since": since}
    which = ""
    if only:
        params["only"], which = only, " AND evaluator = {only:String}"
    human = newest(("trace_id", _OF_SPAN, "name", "assumeNotNull(value)", "at_ns"), _HUMAN)
    judged = newest(
        ("trace_id", _OF_SPAN, "name", "evaluator", "evaluator_version", "assumeNotNull(value)", "at_ns"),
        f"{_JUDGED}{which}",
    )
    ours = "n0 AS trace_id, n1 AS j1, n2 AS j2, n3 AS j3, n4 AS j4, n5 AS j5, n6 AS j6"
    theirs = "n0 AS trace_id, n1 AS h1, n2 AS h2, n3 AS h3, n4 AS h4"
    sql = (
        f"SELECT trace_id, h1, j1, h2, j2, j3, j4, h3, j5, j6, h4 FROM (SELECT {ours} FROM ({judged})) AS judged"  # noqa: S608
        f" INNER JOIN (SELECT {theirs} FROM ({human})) AS human USING (trace_id)"
        f" WHERE h1 = '' OR j1 = '' OR h1 = j1 ORDER BY h4 DESC LIMIT {MOST}"
    )
    lines = await asker.ask(_Line, sql, params)
    labelled = [line for line in lines if _same_question(line, criteria)]
    where = await _segments(asker, project, since, labelled)
    found: dict[Judge, Found] = {}
    for judge, of in _by_judge(labelled).items():
        pairs, disputed = _pairs(of, where)
        values = await _unlabelled(asker, project, since, judge, {pair.trace_id for pair in pairs})
        newest_ns = max(line.human_ns for line in of)
        found[judge] = Found(
            pairs=pairs, disputed=disputed, judged=values, since_ns=since, newest_label_ns=newest_ns
        )  # fmt: skip
    return found


def _same_question(line: _Line, criteria: Mapping[str, Sequence[str]]) -> bool:
    own = (line.judge_name, line.scorer, line.scorer.removeprefix(PREFIX))
    return line.human_name in own or line.human_name in criteria.get(line.scorer, ())


def _by_judge(lines: Sequence[_Line]) -> dict[Judge, list[_Line]]:
    found: dict[Judge, list[_Line]] = defaultdict(list)
    for line in lines:
        found[Judge(line.scorer, line.version)].append(line)
    return found


def _pairs(lines: Sequence[_Line], where: Mapping[str, tuple[str, str]]) -> tuple[list[Pair], int]:
    """One for each answer; those on which people are split are only counted."""
    answers: dict[tuple[str, str], list[_Line]] = defaultdict(list)
    for line in lines:
        answers[line.trace_id, line.judge_span or line.human_span].append(line)
    pairs: list[Pair] = []
    disputed = 0
    for (trace_id, _), of in answers.items():
        passes = sum(line.people >= PASS for line in of) / len(of)
        if passes == PASS:
            disputed += 1
            continue
        app, release = where.get(trace_id, ("", ""))
        latest = max(of, key=lambda line: line.judged_ns)
        pairs.append(
            Pair(
                trace_id=trace_id, people=passes, judge=latest.judge, judged_ns=latest.judged_ns, app=app,
                release=release,
            )
        )  # fmt: skip
    return pairs, disputed


async def _segments(asker: Asker, project: str, since: int, lines: Sequence[_Line]) -> dict[str, tuple[str, str]]:
    traces = sorted({line.trace_id for line in lines})
    found: dict[str, tuple[str, str]] = {}
    for at in range(0, len(traces), 500):
        part = traces[at : at + 500]
        params: dict[str, Value] = {"project": project, "since": since}
        params |= {f"t{number}": each for number, each in enumerate(part)}
        names = ", ".join(f"{{t{number}:String}}" for number in range(len(part)))
        sql = (
            "SELECT trace_id, max(app), max(release) FROM spans WHERE project = {project:String} AND entry = 1"  # noqa: S608
            f" AND start_ns >= {{since:Int64}} AND trace_id IN ({names}) GROUP BY trace_id"
        )
        rows = await asker.ask(tuple[str, str, str], sql, params)
        found |= {trace_id: (app, release) for trace_id, app, release in rows}
    return found


async def _unlabelled(asker: Asker, project: str, since: int, judge: Judge, labelled: set[str]) -> list[float]:
    condition = f"{_JUDGED} AND evaluator = {{scorer:String}} AND evaluator_version = {{version:String}}"
    sql = f"SELECT n0, n1 FROM ({newest(('trace_id', 'assumeNotNull(value)'), condition)}) ORDER BY n0 LIMIT {MOST}"  # noqa: S608
    params: dict[str, Value] = {"project": project, "since": since, "scorer": judge.scorer, "version": judge.version}
    rows: list[tuple[str, float]] = await asker.ask(tuple[str, float], sql, params)
    return [value for trace_id, value in rows if trace_id not in labelled]


# --- figures ---


def figures(found: Found, now_ns: int) -> Figures:
    """Pure. Takes some 100 ms: the interval of kappa is bootstrapped."""
    pairs = found.pairs
    said = [(pair.people > PASS, pair.judge >= PASS) for pair in pairs]
    words = [(CLASSES[people], CLASSES[judge]) for people, judge in said]
    kappa = cohen_kappa(words, labels=CLASSES)
    known = operating(said)
    judged = [float(value >= PASS) for value in found.judged] + [float(judge) for _, judge in said]
    labelled = [Labelled(float(people), float(judge)) for people, judge in said]
    unlabelled = [Observed(float(value >= PASS)) for value in found.judged]
    return Figures(
        labels=len(pairs),
        disputed=found.disputed,
        judged=len(judged),
        classes=CLASSES,
        confusion=confusion(words, CLASSES).counts,
        alike=_share(said),
        kappa=_figure(kappa.value, kappa.interval),
        sensitivity=_figure(known.sensitivity, known.sensitivity_interval() if known.positives else None),
        specificity=_figure(known.specificity, known.specificity_interval() if known.negatives else None),
        raw=sum(judged) / len(judged) if judged else None,
        rogan_gladen=_rate(rogan_gladen(sum(judged), len(judged), known)),
        prediction_powered=_rate(prediction_powered(labelled, unlabelled, bounds=(0.0, 1.0))),
        drift=_drift(pairs, now_ns),
        segments=tuple(_by_segment(pairs)),
        since=found.since_ns // 1_000_000,
        newest_label=found.newest_label_ns // 1_000_000,
    )


def _share(said: Sequence[tuple[bool, bool]]) -> Figure:
    alike = sum(people == judge for people, judge in said)
    return _figure(alike / len(said) if said else None, mid_p_share(alike, len(said)) if said else None)


def _figure(value: float | None, interval: Interval | None) -> Figure:
    return Figure(
        value=value,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
    )


def _rate(found: Corrected) -> JudgeRate:
    around = _figure(found.value, found.interval)
    return JudgeRate(value=around.value, low=around.low, high=around.high, method=found.method)


def _by_segment(pairs: Sequence[Pair]) -> list[JudgeSegment]:
    found: list[JudgeSegment] = []
    for by in ("app", "release"):
        groups: dict[str, list[tuple[bool, bool]]] = defaultdict(list)
        for pair in pairs:
            group = pair.app if by == "app" or not pair.release else f"{pair.app}@{pair.release}"
            groups[group].append((pair.people > PASS, pair.judge >= PASS))
        ordered = sorted(groups.items(), key=lambda each: (-len(each[1]), each[0]))[:50]
        found += [JudgeSegment(by=by, group=group, labels=len(said), alike=_share(said)) for group, said in ordered]
    return found


def _drift(pairs: Sequence[Pair], now_ns: int) -> Drift:
    """Agreement lately against before."""
    edge = now_ns - RECENT_DAYS * DAY_NS
    recent = [(p.people > PASS, p.judge >= PASS) for p in pairs if p.judged_ns >= edge]
    earlier = [(p.people > PASS, p.judge >= PASS) for p in pairs if p.judged_ns < edge]
    now, before = _share(recent), _share(earlier)
    difference, drifted = Figure(value=None, low=None, high=None), False
    if now.value is not None and before.value is not None:
        apart = newcombe((_alike(earlier), len(earlier)), (_alike(recent), len(recent)))
        difference = _figure(now.value - before.value, apart)
        drifted = min(len(recent), len(earlier)) >= FEWEST_RECENT and apart.high < 0
    if min(len(recent), len(earlier)) < FEWEST_RECENT:
        says = (
            f"Not watched yet: it takes {FEWEST_RECENT} labels of the last {RECENT_DAYS} days and as many from before;"
            f" there are {len(recent)} and {len(earlier)}."
        )
    elif drifted:
        says = "It agrees with people less than it did: look at its last errors, and calibrate it anew."
    else:
        says = "It agrees with people no less than it did, as far as the labels can tell."
    return Drift(
        days=RECENT_DAYS,
        recent_labels=len(recent),
        earlier_labels=len(earlier),
        recent=now,
        earlier=before,
        difference=difference,
        drifted=drifted,
        says=says,
    )


def _alike(said: Sequence[tuple[bool, bool]]) -> int:
    return sum(people == judge for people, judge in said)


def criteria_of(queues: Sequence[Any]) -> dict[str, list[str]]:
    """By a judge's name, the criteria of queues that ask the same."""
    found: dict[str, list[str]] = defaultdict(list)
    for queue in queues:
        for each in queue.spec.criteria:
            if each.judge:
                found[each.judge].append(each.name)
    return dict(found)
