"""The SQL of proposals: cases that a model thought of, which wait until a person takes or leaves each. Taken ones go
into the dataset with the model as their source and the person as their author, all of one decision as one version."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

from msgspec import Struct, structs
from sqlalchemy import Connection, func, insert, select, update

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.ids import new_id
from trimtab.evaluation import dataset_writes, datasets, likeness
from trimtab.evaluation.cases import Author, NewCase, NewProvenance, body_of, input_text, made, read_body
from trimtab.evaluation.dataset_writes import Writing, Written
from trimtab.evaluation.generate import Idea
from trimtab.evaluation.tables import DATASET_PROPOSALS
from trimtab.evaluation.types import Case
from trimtab.storage.content import Of

State = Literal["open", "accepted", "rejected"]
MOST_OPEN: Final = 1_000
P = DATASET_PROPOSALS.c


class Proposal(Struct, frozen=True, kw_only=True):
    """``reviewed`` is when somebody decided, null while it is open."""

    id: str
    dataset: str
    state: State
    case: Case
    model: str
    trace_id: str
    author_name: str
    created: int
    reviewer_name: str
    reviewed: int | None


class Thought(Struct, frozen=True, kw_only=True):
    """What a model thought of; ``given`` is what each case is given (``tags``, ``split``, ``uses`` ...)."""

    model: str
    ideas: Sequence[Idea]
    given: Mapping[str, Any] = {}


def _proposal(row: Any) -> Proposal:
    values = {name: getattr(row, name) for name in Proposal.__struct_fields__ if name != "case"}
    return Proposal(case=read_body(row.body), **values)


def add(
    conn: Connection, project_id: str, dataset: str, thought: Thought, author: Author, known: frozenset[str]
) -> tuple[list[Proposal], list[str]]:
    """Keep these as open proposals; what says the same as another proposal or one of ``known`` is left, and told.
    Raises `NotFound` and `Conflict`."""
    datasets.get(conn, project_id, dataset, lock=True)
    alike_to = _proposed(conn, project_id, dataset) | known
    waiting = (P.project_id == project_id, P.dataset == dataset, P.state == "open")
    amount = conn.execute(select(func.count()).where(*waiting)).scalar_one()
    rows: list[dict[str, Any]] = []
    left: list[str] = []
    for idea in thought.ideas:
        from_model = NewProvenance(origin="generator", source=thought.model[:200])
        case = made(structs.replace(idea.case, **thought.given), author, from_model)
        alike = likeness.key(input_text(case))
        if alike in alike_to:
            left.append(f"{input_text(case)[:80]!r}: it is there already")
            continue
        alike_to.add(alike)
        rows.append(
            {
                "project_id": project_id, "dataset": dataset, "state": "open",
                "body": Of(project_id, body_of(case).decode()), "likeness": alike, "model": thought.model[:200],
                "trace_id": idea.trace_id[:64],
                "author": author.id, "author_name": author.name, "created": author.at, "reviewer": "",
                "reviewer_name": "", "reviewed": None,
            }
        )  # fmt: skip
    if amount + len(rows) > MOST_OPEN:
        raise Conflict(
            f"{amount:,} proposals for {dataset!r} are open, and {MOST_OPEN:,} may be.",
            fix="Decide some first: trimtab datasets proposals.",
            code="too_many_proposals",
        )
    # In the order the model gave them: ids of one millisecond are in none.
    for row, name in zip(rows, sorted(new_id("prp") for _ in rows), strict=True):
        row["id"] = name
    if rows:
        conn.execute(insert(DATASET_PROPOSALS), rows)
    kept = select(DATASET_PROPOSALS).where(P.id.in_([row["id"] for row in rows])).order_by(P.id)
    return [_proposal(row) for row in conn.execute(kept)], left


def inputs(conn: Connection, project_id: str, dataset: str) -> frozenset[str]:
    """What a dataset's newest cases ask, as keys of likeness. Raises `NotFound`."""
    found = datasets.get(conn, project_id, dataset)
    if not found.newest:
        return frozenset()
    of = datasets.version(conn, project_id, dataset, found.newest)
    return frozenset(likeness.key(input_text(case)) for case in datasets.each(conn, of))


def _proposed(conn: Connection, project_id: str, dataset: str) -> set[str]:
    """What was proposed before, also what was rejected: nobody wants to read it twice."""
    found = select(P.likeness).where(P.project_id == project_id, P.dataset == dataset)
    return set(conn.execute(found).scalars())


def listed(
    conn: Connection, project_id: str, dataset: str, state: State, *, after: str = "", limit: int = 100
) -> list[Proposal]:
    """Oldest first. Raises `NotFound`."""
    datasets.get(conn, project_id, dataset)
    found = select(DATASET_PROPOSALS).where(P.project_id == project_id, P.dataset == dataset, P.state == state)
    return [_proposal(row) for row in conn.execute(found.where(P.id > after).order_by(P.id).limit(limit))]


def decide(
    conn: Connection, writing: Writing, author: Author, accept: Mapping[str, NewCase | None], reject: Sequence[str]
) -> Written:
    """Take some, as they are or as they were corrected, and reject others; all or nothing. Raises `NotFound`,
    `Conflict` for one that somebody decided, and what `dataset_writes.write` raises."""
    ids = [*accept, *reject]
    if not ids or len(set(ids)) != len(ids) or len(ids) > MOST_OPEN:
        raise InvalidRequest("Each proposal is named once, to be accepted or rejected.", fix="Name at least one.")
    found = select(DATASET_PROPOSALS).where(
        P.project_id == writing.project_id, P.dataset == writing.dataset, P.id.in_(ids)
    )
    rows = {row.id: _proposal(row) for row in conn.execute(found.with_for_update())}
    for each in ids:
        if each not in rows:
            raise NotFound(f"There is no proposal {each[:64]!r} for {writing.dataset!r}.", fix="List those there are.")
        if rows[each].state != "open":
            raise Conflict(
                f"The proposal {each!r} was {rows[each].state} by {rows[each].reviewer_name}.",
                fix="Read the list again.",
                code="proposal_decided",
            )
    taken = [_taken(rows[each], new, author) for each, new in accept.items()]
    done = dataset_writes.write(conn, writing, add=taken)
    for state, chosen in (("accepted", list(accept)), ("rejected", list(reject))):
        if chosen:
            by = {"reviewer": author.id, "reviewer_name": author.name, "reviewed": author.at}
            conn.execute(update(DATASET_PROPOSALS).where(P.id.in_(chosen)).values(state=state, **by))
    detail = {"accepted": len(accept), "rejected": len(reject)}
    datasets.note(conn, writing.project_id, writing.dataset, writing.actor, "reviewed", author.at, detail)
    return done


def _taken(found: Proposal, new: NewCase | None, author: Author) -> Case:
    given = found.case.provenance
    if not found.case.id:
        raise Conflict(
            f"Nobody can read the proposal {found.id!r} any more: the key that it was encrypted with was destroyed.",
            fix="Reject it.",
            code="proposal_gone",
        )
    if new is not None:
        from_model = NewProvenance(origin=given.origin, source=given.source)
        return made(structs.replace(new, provenance=None, id=new.id or found.case.id), author, from_model)
    provenance = structs.replace(given, author=author.id, author_name=author.name, at=author.at)
    return structs.replace(found.case, provenance=provenance)
