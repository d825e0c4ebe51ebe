"""Whose the seeds of red teams are. A seed is a text that a team gave: nothing says which call it was in. What an
erasure knows is what was said in the traces that go, so seeds are held against that, and those that were said there
count as cases that were made of that trace from then on, with everything that mutators made of them."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Connection, select, update

from trimtab.evaluation.cases import case_of, input_text
from trimtab.evaluation.redteam.build import OWN
from trimtab.evaluation.tables import DATASET_CASES

C = DATASET_CASES.c
SHORTEST: Final = 20
"""Characters of a seed that is looked for within a text; a shorter one must be the whole of it."""


class SeedCases(Struct, frozen=True, kw_only=True):
    """The cases that one seed became; ``text`` is the seed."""

    dataset: str
    group: str
    text: str
    cases: tuple[str, ...]


def unowned(conn: Connection, project_id: str) -> list[SeedCases]:
    """Those of which nobody knows whose they are."""
    found: dict[tuple[str, str], list[Any]] = {}
    query = select(C.dataset, C.case_id, C.split, C.body).where(
        C.project_id == project_id, C.case_id.startswith(f"{OWN}-"), C.source.startswith("seed "), C.uses != ""
    )
    for row in conn.execute(query.order_by(C.dataset, C.case_id)):
        case = case_of(row)
        if case.provenance.origin == "redteam":
            found.setdefault((row.dataset, case.group), []).append(case)
    return [
        SeedCases(dataset=dataset, group=group, text=input_text(plain).strip(), cases=tuple(each.id for each in cases))
        for (dataset, group), cases in found.items()
        for plain in cases
        if plain.metadata.get("technique") == ""
    ]


def said_in(seed: str, texts: Iterable[str]) -> bool:
    """Whether a seed is what one of the texts says."""
    return any(seed == text.strip() or (len(seed) >= SHORTEST and seed in text) for text in texts)


def own(conn: Connection, project_id: str, traces: Mapping[SeedCases, str]) -> None:
    """From now on these are cases that were made of those traces."""
    for seed, trace in traces.items():
        at = (C.project_id == project_id, C.dataset == seed.dataset, C.case_id.in_(seed.cases))
        conn.execute(update(DATASET_CASES).where(*at).values(source=trace))
