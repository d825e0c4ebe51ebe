"""Scorers: which there are, what each may be told, and a trial of one on a single answer."""

from litestar.params import FromPath, JSONBody

from trimtab.evaluation.scorer_names import Resolved, resolve
from trimtab.ledger.limits import dollars
from trimtab.scoring.catalog import ScorerEntry, entries, entry
from trimtab.scoring.judge import judge
from trimtab.scoring.scorers import REGISTRY
from trimtab.scoring.types import Scored, Tools, Verdict
from trimtab.server.bodies.scorer import ScorerList, ScorerTrial, TrialVerdict
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route

TAG = "scorers"


@route(
    "GET",
    "/api/v1/projects/{project:str}/scorers",
    "evaluation:read",
    Operation(id="listScorers", summary="Scorers", tag=TAG, errors=(404,)),
)
async def list_scorers(tenant: Tenant) -> ScorerList:
    """With what each needs, and the JSON Schema of its options."""
    del tenant
    return ScorerList(items=list(entries()))


@route(
    "GET",
    "/api/v1/projects/{project:str}/scorers/{name:str}",
    "evaluation:read",
    Operation(id="getScorer", summary="One scorer", tag=TAG, errors=(404,)),
)
async def get_scorer(tenant: Tenant, name: FromPath[str]) -> ScorerEntry:
    """What it needs, and the JSON Schema of its options."""
    del tenant
    return entry(REGISTRY.get(name))


@route(
    "POST",
    "/api/v1/projects/{project:str}/scorers/try",
    "evaluation:write",
    Operation(id="tryScorer", summary="Try a scorer on one answer", tag=TAG, errors=(404, 413)),
)
async def try_scorer(deps: Deps, tenant: Tenant, caller: CallerNow, data: JSONBody[ScorerTrial]) -> TrialVerdict:
    """A plug, or a judge of the team's own (``judge:tone@2``). Nothing is kept, but for the call of a judge that is
    asked: it stands in the ledger as any other."""
    found = await deps.db.read(lambda conn: resolve(conn, tenant.id, data.scorer, data.options))
    tools = Tools()
    if deps.judge_tools is not None:
        tools = deps.judge_tools.bound(tenant.id, key_id=caller.principal.key_id, tags=("trial",))
    return _tried(found, await judge(found.scorer, data.sample, found.options, tools))


def _tried(found: Resolved, verdict: Verdict) -> TrialVerdict:
    cost = None if verdict.cost is None else dollars(verdict.cost)
    if not isinstance(verdict, Scored):
        return TrialVerdict(
            scorer=found.name,
            version=found.version,
            outcome="cannot_score",
            reason=verdict.reason,
            retry=verdict.retry,
            cost=cost,
        )
    return TrialVerdict(
        scorer=found.name,
        version=found.version,
        outcome="scored",
        value=verdict.value,
        label=verdict.label,
        explanation=verdict.explanation,
        detail=verdict.detail,
        cost=cost,
    )


ROUTES = (list_scorers, get_scorer, try_scorer)
