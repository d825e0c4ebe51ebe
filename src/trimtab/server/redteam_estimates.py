"""What a red team would cost before it is begun. Its attacks are known word by word, so their texts are counted; how
long answers are is known from earlier runs of the same attacks, else guessed."""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from trimtab.evaluation import subjects
from trimtab.evaluation.cases import Author, NewCase, made
from trimtab.evaluation.redteam.build import Plan, cases
from trimtab.evaluation.types import Case, Subject
from trimtab.ledger.limits import dollars, picodollars
from trimtab.server.bodies.experiment import SubjectEstimate
from trimtab.server.bodies.redteam import NewRedteam, RedteamEstimate
from trimtab.server.dependencies import Dependencies
from trimtab.server.experiment_estimates import (
    GUESSED_OUTPUT,
    LOOKED_AT,
    Per,
    before_of,
    counted,
    earlier,
    first_model,
    guessed,
    price_of,
)

NOBODY: Final = Author(id="", name="", at=0)


async def estimate(
    deps: Dependencies, project_id: str, data: NewRedteam, plan: Plan, meaning: subjects.Meaning
) -> RedteamEstimate:
    """Nothing is changed. Raises `InvalidRequest` for a plan that there cannot be, `NotFound` for a subject."""
    budget = picodollars(data.budget, param="budget") if data.budget else None
    attacks = cases(plan)

    def found(conn: Connection) -> list[Subject]:
        return [subjects.subject(conn, project_id, name, meaning) for name in data.subjects]

    chosen = await deps.db.read(found)
    told = [await _subject(deps, project_id, each, plan, attacks) for each in chosen]
    unknown = [f"the price of {each.subject}" for each in told if each.cost is None]
    known = sum(picodollars(each.cost) for each in told if each.cost is not None)
    return RedteamEstimate(
        attacks=len(attacks),
        calls=len(attacks) * len(chosen),
        subjects=told,
        cost=None if unknown else dollars(known),
        at_least=dollars(known),
        budget=data.budget,
        over_budget=budget is not None and known > budget,
        unknown=unknown,
    )


async def _subject(
    deps: Dependencies, project_id: str, subject: Subject, plan: Plan, attacks: Sequence[NewCase]
) -> SubjectEstimate:
    def look(conn: Connection) -> tuple[Per | None, str]:
        return earlier(conn, project_id, plan.name, subject), first_model(conn, deps, project_id, subject)

    known, model = await deps.db.read(look)
    per = known or await _counted(deps, project_id, subject, [made(each, NOBODY) for each in attacks])
    each = price_of(deps, project_id, model, per)
    return SubjectEstimate(
        subject=subject.model,
        calls=len(attacks),
        known=0,
        input_tokens=per.input,
        output_tokens=per.output,
        per_call=None if each is None else dollars(each),
        cost=None if each is None else dollars(each * len(attacks)),
        basis=per.basis,
    )


async def _counted(deps: Dependencies, project_id: str, subject: Subject, attacks: Sequence[Case]) -> Per:
    sample = attacks[:: max(1, len(attacks) // LOOKED_AT)][:LOOKED_AT]
    read = round(sum(map(counted, sample)) / len(sample)) if sample else 0
    more, passages = await before_of(deps, project_id, subject)
    return Per(input=read + more, output=GUESSED_OUTPUT, basis=guessed("the attacks' texts", passages))
