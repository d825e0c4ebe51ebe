"""Compliance: evidence of a period, mapped to frameworks; cards of apps and models."""

from typing import Annotated, Final, Literal

from litestar.params import FromPath, FromQuery, QueryParameter
from msgspec import Meta
from sqlalchemy import Connection

from trimtab.compliance import cards as card_store
from trimtab.compliance import pack, render_html
from trimtab.compliance.frameworks import REGISTRY
from trimtab.compliance.rows import About, Scope, made
from trimtab.compliance.types import Card, Cell, Period, Section
from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.gateway import cards
from trimtab.governance import audit
from trimtab.governance.checkpoints import trusted as trusted_keys
from trimtab.server.acting import moment
from trimtab.server.actors import actor_of
from trimtab.server.bodies.compliance import CardReport, EvidenceReport
from trimtab.server.dependencies import Dependencies
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route
from trimtab.telemetry.search.aggregate import Aggregation
from trimtab.telemetry.views import Window

TAG = "compliance"
BASE = "/api/v1/projects/{project:str}/compliance"
DAY = 86_400_000
LONGEST = 3_660 * DAY
Format = Annotated[Literal["json", "html"], QueryParameter(name="format")]
Names = Annotated[Annotated[str, Meta(max_length=300)], QueryParameter(max_length=300)]


_GUARDED: Final = {
    "stopped_by_guards": "guard.action:block OR guard.action:escalate",
    "redacted_by_guards": "guard.action:redact",
    "flagged_by_guards": "guard.action:flag",
}
"""Calls in which guards did something; one call may count in several."""


def _period(deps: Dependencies, start: int | None, end: int | None) -> Period:
    """The last 90 days where nothing is said."""
    until = deps.now() if end is None else end
    since = until - 90 * DAY if start is None else start
    if not 0 <= since < until or until - since > LONGEST or until >= 1 << 53:
        raise InvalidRequest(
            "A period has a start before its end, at most ten years apart, in Unix milliseconds.",
            fix="Correct 'start' and 'end'.",
            param="start",
        )
    return Period(start=since, end=until)


@route(
    "GET",
    BASE + "/report",
    "audit:read",
    Operation(id="getEvidence", summary="Evidence of a period, by framework", tag=TAG, errors=(404,)),
)
async def get_evidence(
    deps: Deps,
    caller: CallerNow,
    tenant: Tenant,
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
    frameworks: Names = "",
    form: Format = "json",
) -> EvidenceReport:
    """Who approved what, what was measured, overridden and taken back, how data are kept, whether the audit log is
    whole; then what of that speaks to each article or control of ``frameworks`` (with commas; all if left out). Nothing
    is judged. That it was made stands in the audit log."""
    period = _period(deps, start, end)
    wanted = [each.strip() for each in frameworks.split(",") if each.strip()]
    for name in wanted:
        REGISTRY.get(name)
    operation = await _operation(deps, tenant.id, period)
    kept = deps.config.retention if deps.config.project == tenant.slug else {}
    scope = Scope(project_id=tenant.id, period=period, kept=kept)
    trusted = trusted_keys(deps.secrets)
    sections = await deps.db.read(lambda conn: pack.gather(conn, scope, trusted))

    def note(conn: Connection) -> str:
        actor = actor_of(conn, caller)
        told = {"start": period.start, "end": period.end, "frameworks": wanted}
        audit.append(conn, tenant.id, actor, "evidence.made", "report", now=moment(conn, deps), detail=told)
        return actor.name

    by = await deps.db.write(note)
    found = pack.build(tenant.slug, scope, [*sections, operation], frameworks=wanted, made=deps.now(), made_by=by)
    return EvidenceReport(report=found, html=render_html.pack(found) if form == "html" else "")


async def _operation(deps: Dependencies, project_id: str, period: Period) -> Section:
    about = About(
        name="operation",
        title="Operation",
        about="Calls of the period by app, as the traces have them that are still kept.",
        source="traces",
        columns=("app", "calls", "errors", "cost_usd", "p95_ms"),
    )
    asked = Aggregation(metrics=["count", "errors", "sum(cost)", "p95(duration)"], group_by=["app"], limit=1_000)
    window = Window(start=period.start, end=period.end)
    found = await deps.search.aggregate(project_id, "", window, asked)
    rows: list[tuple[Cell, ...]] = [
        (each.group[0], *(value if isinstance(value, str | int | float) else None for value in each.values))
        for each in found.groups
    ]
    figures: dict[str, Cell] = {
        "calls": sum(int(str(row[1] or 0)) for row in rows),
        "errors": sum(int(str(row[2] or 0)) for row in rows),
    }
    for name, q in _GUARDED.items():
        acted = await deps.search.aggregate(project_id, q, window, Aggregation(metrics=["count"]))
        figures[name] = sum(int(str(each.values[0] or 0)) for each in acted.groups)
    return made(about, rows, len(rows) + found.more, figures)


@route(
    "GET",
    BASE + "/apps/{app:str}",
    "audit:read",
    Operation(id="getAppCard", summary="What is known of an app", tag=TAG, errors=(404,)),
)
async def get_app_card(
    deps: Deps,
    tenant: Tenant,
    app: FromPath[str],
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
    form: Format = "json",
) -> CardReport:
    """What it runs, who made and approved it, how it was evaluated and attacked, what was taken back."""
    scope = Scope(project_id=tenant.id, period=_period(deps, start, end))
    return _card(await deps.db.read(lambda conn: card_store.app_card(conn, scope, app, deps.now())), form)


@route(
    "GET",
    BASE + "/models/{name:str}",
    "audit:read",
    Operation(id="getModelCard", summary="What is known of a model", tag=TAG, errors=(404,)),
)
async def get_model_card(
    deps: Deps,
    tenant: Tenant,
    name: FromPath[str],
    start: FromQuery[int | None] = None,
    end: FromQuery[int | None] = None,
    form: Format = "json",
) -> CardReport:
    """Where it runs, what it was found to do, which apps use it, how it was evaluated. In the path ``/`` is ``%2F``."""
    scope = Scope(project_id=tenant.id, period=_period(deps, start, end))
    targets = deps.snapshots.current.targets[tenant.id]
    model = targets.models.get(name)
    if model is None:
        raise NotFound(f"There is no model {name[:80]!r} in this project.", fix="List them: trimtab models list")

    def read(conn: Connection) -> Card:
        known: dict[str, Cell] = {
            "provider": model.provider,
            "upstream": model.upstream,
            "falls_back_to": ", ".join(model.fallback) or "nothing",
            **_capabilities(conn, tenant.id, name),
        }
        return card_store.model_card(conn, scope, name, known, deps.now())

    return _card(await deps.db.read(read), form)


def _capabilities(conn: Connection, project_id: str, name: str) -> dict[str, Cell]:
    """What `trimtab conformance` found, check by check."""
    try:
        found = cards.card(conn, project_id, name)
    except NotFound:
        return {"conformance": "never tried: trimtab conformance --save"}
    return {"conformance_at": found.made, **{f"{each.check}_by_{each.front}": each.outcome for each in found.results}}


def _card(found: Card, form: str) -> CardReport:
    return CardReport(card=found, html=render_html.card(found) if form == "html" else "")


ROUTES = (get_evidence, get_app_card, get_model_card)
