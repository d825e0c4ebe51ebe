"""What gates said of releases. A verdict is about a content, by its hash; whoever judges writes it down here:
evaluation by itself, or a program in CI through the API with a key of its own. Nobody judges what they had a hand in.
Newer verdicts stand beside older ones and never replace them. Functions of a connection; times are Unix ms."""

from typing import Any, Final, get_args

from sqlalchemy import Connection, insert, select

from trimtab.core.errors import Conflict, InvalidRequest
from trimtab.core.ids import uuid7_hex
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.releases import store
from trimtab.releases.approvals import refuse_authors
from trimtab.releases.tables import GATE_VERDICTS
from trimtab.releases.types import GateVerdict, Outcome

EVALUATION: Final = "evaluation"
"""The source of what evaluation found by itself, with a suite's name behind a colon; nobody else writes under this
name."""
MAX_DETAIL: Final = 20_000
MAX_SOURCE: Final = 200


def is_evaluation(source: str) -> bool:
    """Whether a verdict is one of evaluation's own."""
    return source.partition(":")[0].strip().casefold() == EVALUATION


def record(conn: Connection, verdict: GateVerdict, actor: Actor) -> GateVerdict:
    """Keep a verdict. An empty ``hash`` is taken to be that of the release; ``id`` is made here. Raises `NotFound`,
    `InvalidRequest`, `Forbidden` where ``actor`` is a key that had a hand in the release, and `Conflict` where it is
    about another content. An ``actor`` without an id is what acts by itself."""
    _check(verdict)
    if actor.id and is_evaluation(verdict.source):
        raise InvalidRequest(
            f"Verdicts of the source {EVALUATION!r} are written by experiments that ran here.",
            fix="Name what judged otherwise, as 'ci'; or run a suite: trimtab eval.",
            param="source",
        )
    release = store.release(conn, verdict.project_id, verdict.app, verdict.number)
    refuse_authors(release, actor.id, "write a verdict about it")
    if verdict.hash not in ("", release.hash):
        raise Conflict(
            f"The verdict is about {verdict.hash[:80]}, and {release.short} is {release.hash}.",
            fix="Judge this release, or give the verdict to the one that was judged.",
            code="gate_other_content",
        )
    made = GateVerdict(
        id=uuid7_hex(verdict.created * 1_000_000),
        project_id=verdict.project_id,
        app=verdict.app,
        number=verdict.number,
        hash=release.hash,
        outcome=verdict.outcome,
        source=verdict.source,
        detail=verdict.detail,
        created=verdict.created,
        author=actor.id,
        author_name=actor.name,
    )
    conn.execute(insert(GATE_VERDICTS).values({name: getattr(made, name) for name in made.__struct_fields__}))
    told = {"outcome": made.outcome, "source": made.source, "hash": made.hash, "reason": made.detail[:500]}
    subject = f"release:{made.app}@{release.short}"
    audit.append(conn, made.project_id, actor, "gate.recorded", subject, now=made.created, detail=told)
    return made


def _check(verdict: GateVerdict) -> None:
    if verdict.outcome not in get_args(Outcome):
        raise InvalidRequest(f"There is no outcome {verdict.outcome!r}.", fix=f"Use one of {get_args(Outcome)}.")
    if not verdict.source.strip() or len(verdict.source) > MAX_SOURCE or not verdict.source.isprintable():
        raise InvalidRequest(
            f"A verdict names its source in at most {MAX_SOURCE} characters.", fix="Say what judged.", param="source"
        )
    if len(verdict.detail) > MAX_DETAIL or "\0" in verdict.detail:
        raise InvalidRequest(
            f"The detail of a verdict has at most {MAX_DETAIL:,} characters.", fix="Shorten it.", param="detail"
        )


def verdicts(
    conn: Connection, project_id: str, app: str, number: int, *, before: str = "", limit: int = 500
) -> list[GateVerdict]:
    """About one release, newest first."""
    at = (GATE_VERDICTS.c.project_id == project_id, GATE_VERDICTS.c.app == app, GATE_VERDICTS.c.number == number)
    query = select(GATE_VERDICTS).where(*at).order_by(GATE_VERDICTS.c.id.desc()).limit(limit)
    if before:
        query = query.where(GATE_VERDICTS.c.id < before)
    return [_verdict(row) for row in conn.execute(query)]


def _verdict(row: Any) -> GateVerdict:
    values: dict[str, Any] = {name: getattr(row, name) for name in GateVerdict.__struct_fields__}
    values |= {"author": row.author or "", "author_name": row.author_name or ""}
    return GateVerdict(**values)
