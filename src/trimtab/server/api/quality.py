"""How a score goes by release and day, and how many cases a comparison takes."""

from typing import Annotated, Final

from litestar.params import JSONBody, QueryParameter
from msgspec import Meta
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation import experiments
from trimtab.evaluation.online import DAY_MS
from trimtab.evaluation.quality import calibrated, measured
from trimtab.evaluation.report_words import amount
from trimtab.scoring.corrected import Operating
from trimtab.scoring.sizes import cases_for, margin_for, paired_deviation, share_deviation, with_groups, with_repeats
from trimtab.scoring.special import normal_quantile
from trimtab.server.bodies.quality import (
    QualityLine,
    QualityReport,
    SampleSize,
    SampleSizeQuestion,
    ScoreNames,
)
from trimtab.server.routes import Deps, Operation, Tenant, route
from trimtab.telemetry.scores.quality import Judging, QualityGroup, QualityQuestion
from trimtab.telemetry.views import Window

TAG = "quality"
DAYS = 30
_LAST = 2**53
_WHO: Final[dict[Judging, str]] = {"human": "of people", "user": "of users", "llm": "of judges", "code": "of code"}
Time = Annotated[
    Annotated[int, Meta(ge=0, le=_LAST, description="Unix milliseconds.")] | None, QueryParameter(ge=0, le=_LAST)
]
Name = Annotated[str, Meta(min_length=1, max_length=100, description="A score's name."), QueryParameter(max_length=100)]
Text = Annotated[str, Meta(max_length=200), QueryParameter(max_length=200)]
Query = Annotated[
    str,
    Meta(description="A search that narrows the answers, e.g. `feature:checkout`.", max_length=2000),
    QueryParameter(max_length=2000),
]


@route(
    "GET",
    "/api/v1/projects/{project:str}/quality",
    "score:read",
    Operation(id="getQuality", summary="How a score goes by release and day", tag=TAG, errors=(404,)),
)
async def get_quality(
    deps: Deps,
    tenant: Tenant,
    score: Name,
    app: Text = "",
    environment: Text = "",
    q: Query = "",
    start: Time = None,
    end: Time = None,
) -> QualityReport:
    """By when the answers began; the last 30 days if nothing is said. Intervals are clustered by user. A judge's passes
    are corrected by its newest calibration, where there is one of the version that judged."""
    window = _window(deps, start, end)
    own = (("app", app), ("environment", environment))
    quoted = [f'{key}:"{_quoted(value)}"' for key, value in own if value]
    asked = QualityQuestion(name=score, q=" ".join([*quoted, f"({q})" if q.strip() else ""]).strip(), window=window)
    known = await deps.db.read(lambda conn: calibrated(conn, tenant.id))
    releases = [_line(each, known) for each in await deps.search.quality(tenant.id, asked, by_day=False)]
    days = [_line(each, known) for each in await deps.search.quality(tenant.id, asked, by_day=True)]
    return QualityReport(
        score=score, start=window.start, end=window.end, releases=releases, days=days, says=_says(score, releases)
    )


@route(
    "GET",
    "/api/v1/projects/{project:str}/quality/scores",
    "score:read",
    Operation(id="listQualityScores", summary="Which scores of quality there are", tag=TAG, errors=(404,)),
)
async def list_scores(deps: Deps, tenant: Tenant, start: Time = None, end: Time = None) -> ScoreNames:
    """By when they were given; the last 30 days if nothing is said. What detectors and guards say is not among them."""
    return ScoreNames(items=await deps.search.score_names(tenant.id, _window(deps, start, end)))


def _window(deps: Deps, start: int | None, end: int | None) -> Window:
    until = deps.now() if end is None else end
    window = Window(start=max(0, until - DAYS * DAY_MS) if start is None else start, end=until)
    if window.start >= window.end:
        raise InvalidRequest("'start' is not before 'end'.", fix="Give an earlier start.", param="start")
    return window


def _quoted(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def _line(group: QualityGroup, known: dict[str, Operating]) -> QualityLine:
    return QualityLine(
        app=group.app,
        release=group.release,
        day=None if group.day is None else group.day * DAY_MS,
        source=group.source,
        judges=list(group.judges),
        quality=measured(group, known),
    )


def _says(score: str, releases: list[QualityLine]) -> str:
    """By who scored: one answer may have the same score of a judge and of a person, and is one answer."""
    if not releases:
        return f"No answer in this time has a score {score}."
    told: list[str] = []
    for source, who in _WHO.items():
        lines = [each.quality for each in releases if each.source == source]
        if lines:
            many, unscored = sum(each.n for each in lines), sum(each.unscored for each in lines)
            told.append(f"{who} {many:,}{f' ({unscored:,} could not be scored)' if unscored else ''}")
    return f"Answers with a score {score}: {', '.join(told)}."


@route(
    "POST",
    "/api/v1/projects/{project:str}/sample-size",
    "evaluation:read",
    Operation(id="getSampleSize", summary="How many cases a comparison takes", tag=TAG, errors=(404,)),
)
async def get_sample_size(deps: Deps, tenant: Tenant, data: JSONBody[SampleSizeQuestion]) -> SampleSize:
    """For two subjects on the same cases, compared once."""
    if data.experiment:
        piloted = await deps.db.read(lambda conn: _pilot(conn, tenant.id, data))
    else:
        piloted = _guess(data)
    deviation = with_repeats(piloted, data.wavering, data.repeats)
    cases = with_groups(cases_for(data.margin, deviation, data.alpha, data.power), data.group_size, data.alike)
    effect = 1 + (data.group_size - 1) * data.alike
    seen = (
        None if data.cases is None else margin_for(max(2, int(data.cases / effect)), deviation, data.alpha, data.power)
    )
    unit = "points" if data.kind == "share" else "number"
    says = (
        f"About {cases:,} cases show a difference of {amount(data.margin, unit)} in {amount(data.power, 'share')} of"
        f" runs, if there is one; of equal subjects as many show that neither is worse by so much."
    )
    if seen is not None and data.cases is not None:
        says += f" {data.cases:,} cases show {amount(seen, unit)}."
    return SampleSize(cases=cases, deviation=deviation, margin_seen=seen, says=says)


def _guess(data: SampleSizeQuestion) -> float:
    if data.kind == "share":
        if data.margin > 1:
            raise InvalidRequest("The margin of a share is at most 1.", fix="0.05 is five points.", param="margin")
        # The difference may be a rise or a fall; of both the one that is harder to see.
        rise = min(data.margin, 1 - data.share)
        return max(
            share_deviation(data.share, each, data.correlation) for each in (rise, -min(data.margin, data.share))
        )
    if data.deviation is None:
        raise InvalidRequest(
            "How much values differ from case to case is not said.",
            fix="Give 'deviation', or an 'experiment' and a 'metric' as pilot.",
            param="deviation",
        )
    return paired_deviation(data.deviation, data.correlation)


def _pilot(conn: Connection, project_id: str, data: SampleSizeQuestion) -> float:
    """What an experiment found of the deviation of a case's difference: from its interval."""
    experiments.experiment(conn, project_id, data.experiment)
    report = experiments.report(conn, project_id, data.experiment)
    found = next((each for each in report.metrics if each.name == data.metric), None) if report else None
    if report is None or found is None or found.low is None or found.high is None or found.pairs < 2:
        raise InvalidRequest(
            f"The experiment {data.experiment[:80]!r} compared nothing by {data.metric[:80]!r}.",
            fix="Name an experiment that has ended, with two subjects, and one of its metrics.",
            param="metric",
        )
    width = (found.high - found.low) / 2 / normal_quantile(1 - report.alpha / 2)
    return width * found.pairs**0.5


ROUTES = (get_quality, list_scores, get_sample_size)
