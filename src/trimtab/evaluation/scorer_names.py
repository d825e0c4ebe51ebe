"""From what a suite, a rule or a person calls a scorer to the scorer itself.

exact            a plug of `scoring/scorers`
judge:tone       the newest version of a judge that the team wrote
judge:tone@2     that version
checks.py:tone   a Python function in the team's folder: only where the folder is, never in the server
"""

import re
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection

from trimtab.core.errors import InvalidRequest
from trimtab.evaluation import judges
from trimtab.evaluation.judges import JudgeVersion
from trimtab.evaluation.types import NAME
from trimtab.scoring.judge import configured
from trimtab.scoring.scorers import REGISTRY
from trimtab.scoring.types import Scorer

PREFIX: Final = "judge:"
_JUDGE: Final = re.compile(rf"judge:(?P<name>{NAME})(?:@(?:(?P<version>[1-9][0-9]{{0,8}})|latest))?")
_FUNCTION: Final = re.compile(r"[^:]+\.py:[A-Za-z_][A-Za-z0-9_]*")


class Resolved(Struct, frozen=True, kw_only=True):
    """``scorer`` with ``options`` as it takes them: `scoring.judge.judge(scorer, sample, options, tools)`. ``name`` is
    the plug's, or ``judge:NAME`` without a version. ``version`` changes whenever the same sample might be judged
    otherwise: for a plug it is the plug's, for a team's judge its own and that of the plug it is made of
    (``2-rubric.1``)."""

    name: str
    version: str
    scorer: Scorer
    options: Any


def resolve(conn: Connection, project_id: str, name: str, settings: dict[str, Any] | None = None) -> Resolved:
    """``settings`` are the options as JSON; over those of a team's judge they win, field by field. Raises `NotFound`
    for a name there is not, `InvalidRequest` for options it does not take and for a function of a folder."""
    if name.startswith(PREFIX):
        return _judge(conn, project_id, name, settings or {})
    if _FUNCTION.fullmatch(name):
        raise InvalidRequest(
            f"The scorer {name!r} is a Python function of your folder, and the server runs no code of yours.",
            fix="Run the suite where the folder is, with 'trimtab eval' or the pytest plug-in.",
            code="scorer_not_here",
            param="scorer",
        )
    scorer = REGISTRY.get(name)
    return Resolved(name=name, version=scorer.version, scorer=scorer, options=configured(scorer, settings))


def _judge(conn: Connection, project_id: str, name: str, settings: dict[str, Any]) -> Resolved:
    match = _JUDGE.fullmatch(name)
    if match is None:
        raise InvalidRequest(
            f"{name[:80]!r} names no judge.", fix="Write judge:NAME, or judge:NAME@2 for a version.", param="scorer"
        )
    number = match["version"]
    found = judges.judge(conn, project_id, match["name"], None if number is None else int(number))
    scorer = REGISTRY.get(found.kind)
    return Resolved(
        name=f"{PREFIX}{found.name}",
        version=version_of(found),
        scorer=scorer,
        options=configured(scorer, {**found.spec, **settings}),
    )


def version_of(judge: JudgeVersion) -> str:
    """What scores and calibrations keep of a team's judge: another version of it, or of what it is made of, judges
    otherwise."""
    return f"{judge.version}-{judge.kind}.{REGISTRY.get(judge.kind).version}"
