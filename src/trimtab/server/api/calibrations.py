"""How judges agree with people, per version of the judge."""

from litestar.params import FromPath, FromQuery

from trimtab.evaluation import calibrations
from trimtab.evaluation.calibrations import Calibration
from trimtab.server.calibration_bodies import Calibrated, CalibrationPage, CalibrationView
from trimtab.server.routes import Cursor, Deps, Limit, Operation, Tenant, read_cursor, route, write_cursor

TAG = "judges"
AT = "/api/v1/projects/{project:str}/judges/{name:str}/calibrations"


def scorer_of(name: str) -> str:
    """A judge as scores name it: a team's own by ``judge:NAME``, which may be left out of the path; a scorer's by its
    name after ``scorer:`` (``scorer:rubric``)."""
    if name.startswith("scorer:"):
        return name.removeprefix("scorer:")
    return name if name.startswith("judge:") else f"judge:{name}"


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
    found = await deps.db.read(
        lambda conn: calibrations.listed(conn, tenant.id, scorer_of(name), version, before=before, limit=limit + 1)
    )
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
    return Calibrated(items=[_view(each) for each in made])


ROUTES = (list_calibrations, calibrate_judge)
