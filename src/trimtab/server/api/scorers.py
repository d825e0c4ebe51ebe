"""Scorers: which there are, what each may be told, and a trial of one on a single answer."""

from litestar.params import FromPath, JSONBody

from trimtab.ledger.limits import dollars
from trimtab.scoring.catalog import ScorerEntry, entries, entry
from trimtab.scoring.judge import configured, judge
from trimtab.scoring.scorers import REGISTRY
from trimtab.scoring.types import Scored, Scorer, Tools, Verdict
from trimtab.server.routes import CallerNow, Deps, Operation, Tenant, route
from trimtab.server.scorer_bodies import ScorerList, ScorerTrial, TrialVerdict

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
    """Nothing is kept, but for the call of a judge that is asked: it stands in the ledger as any other."""
    scorer = REGISTRY.get(data.scorer)
    options = configured(scorer, data.options)
    tools = Tools()
    if deps.judge_tools is not None:
        tools = deps.judge_tools.bound(tenant.id, key_id=caller.principal.key_id, tags=("trial",))
    return _tried(scorer, await judge(scorer, data.sample, options, tools))


def _tried(scorer: Scorer, verdict: Verdict) -> TrialVerdict:
    cost = None if verdict.cost is None else dollars(verdict.cost)
    if not isinstance(verdict, Scored):
        return TrialVerdict(
            scorer=scorer.name,
            version=scorer.version,
            outcome="cannot_score",
            reason=verdict.reason,
            retry=verdict.retry,
            cost=cost,
        )
    return TrialVerdict(
        scorer=scorer.name,
        version=scorer.version,
        outcome="scored",
        value=verdict.value,
        label=verdict.label,
        explanation=verdict.explanation,
        detail=verdict.detail,
        cost=cost,
    )


ROUTES = (list_scorers, get_scorer, try_scorer)
