"""Policies where people use the API: who may promote, approve, export and read content.

They come after permissions, and only narrow them. Going back (a rollback, stopping or holding a rollout) is never asked
about: the way out of a bad release stays open whatever a policy says.
"""

from msgspec import Struct

from trimtab.gateway.policed import Governed
from trimtab.governance import data_classes
from trimtab.governance.access import Project
from trimtab.governance.policy_eval import Facts, refusal
from trimtab.governance.policy_examples import plain
from trimtab.governance.policy_schema import Action
from trimtab.server.auth import Caller
from trimtab.server.dependencies import Dependencies

WORDS: dict[str, str] = {
    "promote": "You may not bring {name!r} to {environment!r}.",
    "approve": "You may not approve a release of {name!r} for {environment!r}.",
    "export": "You may not export {kind}.",
    "read_content": "You may not read this content.",
}


class Asked(Struct, frozen=True, kw_only=True):
    """What somebody is about to do. ``name`` is an app's, or a dataset's; ``kind`` that of content. Of what class it is
    comes from the trace or the dataset, where policies look at it."""

    action: Action
    name: str = ""
    kind: str = ""
    environment: str = ""
    trace_id: str = ""


async def permit(deps: Dependencies, caller: Caller, tenant: Project, asked: Asked) -> None:
    """Raises `PolicyRefused`; costs one look into a dict in a project without policies."""
    governed = deps.snapshots.current.governed.get(tenant.id)
    engine = None if governed is None else governed.engine
    if governed is None or engine is None or not engine.speaks_of(asked.action):
        return
    facts = await _facts(deps, tenant, governed, asked)
    what = plain(asked.action, asked.name, asked.kind)
    verdict = engine.decide(asked.action, governed.who(caller.principal), what, facts)
    if not verdict.allowed:
        raise refusal(
            verdict, WORDS[asked.action].format(name=asked.name, kind=asked.kind, environment=asked.environment)
        )


async def _facts(deps: Dependencies, tenant: Project, governed: Governed, asked: Asked) -> Facts:
    assert governed.engine is not None
    classes, data_class = governed.stated.classes, ""
    seen = governed.engine.seen[asked.action]
    if "data_class" in seen or "class_rank" in seen:
        if asked.trace_id:
            data_class = classes.highest(await deps.recorded.classes(tenant.id, [asked.trace_id]))
        elif asked.kind == "dataset":
            own = await deps.db.read(lambda conn: data_classes.mark_of(conn, tenant.id, "dataset", asked.name))
            data_class = classes.highest((own,))
        elif asked.action == "export":
            data_class = classes.order[-1]  # rows of any class may be among them
    return Facts(
        data_class=data_class,
        class_rank=classes.rank(data_class),
        app=asked.name if asked.action in ("promote", "approve") else "",
        environment=asked.environment,
        at_s=deps.now() // 1000,
    )
