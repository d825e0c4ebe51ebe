"""How judges agree with people, per version of the judge."""

from litestar.params import FromPath, FromQuery
from sqlalchemy import Connection

from trimtab.core.errors import NotFound
from trimtab.core.registry import meant
from trimtab.evaluation import calibrations, judges
from trimtab.evaluation.calibrations import Calibration
from trimtab.evaluation.scorer_names import PREFIX
from trimtab.scoring.scorers import REGISTRY
from trimtab.server.bodies.calibration import Calibrated, CalibrationPage, CalibrationView
from trimtab.server.routes import Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "judges"
AT = "/api/v1/projects/{project:str}/judges/{name:str}/calibrations"


def scorer_of(name: str) -> str:
    """A judge as scores name it: a team's own by ``judge:NAME``, which may be left out of the path; a scorer's by its
    name after ``scorer:`` (``scorer:rubric``)."""
    if name.startswith("scorer:"):
        return name.removeprefix("scorer:")
    return name if name.startswith("judge:") else f"judge:{name}"


def _require(conn: Connection, project_id: str, scorer: str) -> None:
    """Raises `NotFound` for a judge there is not."""
    if scorer.startswith(PREFIX):
        judges.judge(conn, project_id, scorer.removeprefix(PREFIX))
        return
    known = [name for name, plug in REGISTRY.all().items() if plug.source == "llm"]
    if scorer not in known:
        raise NotFound(f"There is no scorer {scorer[:80]!r} that asks a model.", fix=meant(scorer, known), param="name")


def _view(found: Calibration) -> CalibrationView:
    return CalibrationView(
        id=found.id,
        scorer=found.scorer,
        scorer_version=found.scorer_version,
        labels=found.labels,
        figures=found.figures,
        created=found.created,
    )


@route(
    "GET",
    AT,
    "evaluation:read",
    Operation(id="listCalibrations", summary="How a judge agrees with people", tag=TAG, errors=(404,)),
)
async def list_calibrations(
    deps: Deps,
    tenant: Tenant,
    name: FromPath[str],
    version: FromQuery[str] = "",
    cursor: Cursor = None,
    limit: Limit = 20,
) -> CalibrationPage:
    """Newest first: kappa, confusion matrix, by segment, drift, and rates corrected for the judge's errors. ``version``
    is one of the judge as scores have it."""
    before = read_cursor(cursor)

    def read(conn: Connection) -> list[Calibration]:
        found = calibrations.listed(conn, tenant.id, scorer_of(name), version, before=before, limit=limit + 1)
        if not found:  # a judge that was removed may have some; one that never was has none
            _require(conn, tenant.id, scorer_of(name))
        return found

    found = await deps.db.read(read)
    more = write_cursor(found[limit - 1].id) if len(found) > limit else None
    return CalibrationPage(items=[_view(each) for each in found[:limit]], cursor=more)


@route(
    "POST",
    AT,
    "evaluation:write",
    Operation(id="calibrateJudge", summary="Hold a judge against people now", tag=TAG, errors=(404,), status=201),
)
async def calibrate_judge(deps: Deps, tenant: Tenant, name: FromPath[str]) -> Calibrated:
    """It happens by itself within a minute of a verdict. One that says nothing new is not kept again."""
    made = await deps.calibrating.calibrate(tenant.id, scorer_of(name))
    if not made:
        await deps.db.read(lambda conn: _require(conn, tenant.id, scorer_of(name)))
    return Calibrated(items=[_view(each) for each in made])


ROUTES = (list_calibrations, calibrate_judge)
