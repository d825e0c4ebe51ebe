"""Capability cards: what `trimtab conformance` found a model to do, dated, numbered and kept.

A card says what was tried, through which front, and what came of it; the model's capabilities are derived from that and
never claimed. A card is of one provider and one upstream id: a model that is pointed elsewhere has none until it is
tried again.
"""

import re
from typing import Any, Literal

import msgspec
from msgspec import Struct
from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Integer,
    Row,
    String,
    Table,
    Text,
    func,
    insert,
    select,
)

from trimtab.core.errors import InvalidRequest, NotFound
from trimtab.governance.projects import REVISION
from trimtab.storage.revision import bump
from trimtab.storage.schema import METADATA

CARDS = Table(
    "capability_cards",
    METADATA,
    Column("project_id", String(64), ForeignKey("projects.id"), primary_key=True),
    Column("model", String(200), primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("provider", String(64), nullable=False),
    Column("upstream", String(200), nullable=False),
    Column("suite", String(64), nullable=False),
    Column("results", Text, nullable=False),
    Column("made", BigInteger, nullable=False),
)

Outcome = Literal["pass", "fail", "not_supported", "could_not_tell"]
MOST_RESULTS = 500
LONGEST_EVIDENCE = 2000
_WORD = re.compile(r"[a-z0-9][a-z0-9_]{0,63}")
_SUITE = re.compile(r"[A-Za-z0-9._-]{1,64}")


class CheckResult(Struct, frozen=True, kw_only=True):
    """What one check found through one front dialect. ``evidence`` says what was seen: for ``not_supported`` the
    provider's own words."""

    check: str
    front: str
    outcome: Outcome
    evidence: str = ""


class CardRow(Struct, frozen=True, kw_only=True):
    """``number`` counts a model's cards up from 1; ``suite`` is the version of the checks; ``made`` Unix ms."""

    project_id: str
    model: str
    number: int
    provider: str
    upstream: str
    suite: str
    results: tuple[CheckResult, ...]
    made: int


def capabilities(results: tuple[CheckResult, ...]) -> frozenset[str]:
    """The checks that passed through at least one front and failed through none. What could not be told, or what a
    front has no words for, neither gives nor takes a capability."""
    passed = {result.check for result in results if result.outcome == "pass"}
    return frozenset(passed - {result.check for result in results if result.outcome == "fail"})


def check_results(suite: str, results: tuple[CheckResult, ...]) -> None:
    """Raises `InvalidRequest` for what is no card: nothing tried, something tried twice, a pass without evidence."""
    if not _SUITE.fullmatch(suite):
        raise InvalidRequest(
            f"{suite[:80]!r} cannot be a suite's version.",
            fix="Use 1 to 64 letters, digits, '.', '_' and '-'.",
            param="suite",
        )
    if not 0 < len(results) <= MOST_RESULTS:
        raise InvalidRequest(
            f"A card holds 1 to {MOST_RESULTS} results.", fix="Run `trimtab conformance --save`.", param="results"
        )
    seen: set[tuple[str, str]] = set()
    for result in results:
        at = (result.check, result.front)
        wrong = ""
        if not _WORD.fullmatch(result.check) or not _WORD.fullmatch(result.front):
            wrong = "needs a check and a front of lower-case letters, digits and '_'"
        elif at in seen:
            wrong = "stands twice"
        elif not result.evidence.strip():
            wrong = "has no evidence"
        elif len(result.evidence) > LONGEST_EVIDENCE:
            wrong = f"has more than {LONGEST_EVIDENCE} characters of evidence"
        if wrong:
            raise InvalidRequest(
                f"The result of {result.check[:64]!r} through {result.front[:64]!r} {wrong}.",
                fix="Correct it, or run `trimtab conformance --save`.",
                param="results",
            )
        seen.add(at)


def _card(row: Row[tuple[object, ...]]) -> CardRow:
    values: dict[str, Any] = {name: getattr(row, name) for name in CardRow.__struct_fields__}
    values["results"] = msgspec.json.decode(row.results, type=tuple[CheckResult, ...])
    return CardRow(**values)


def cards(conn: Connection, project_id: str | None = None) -> list[CardRow]:
    """The newest card of every model of one project, or of all."""
    newest = (
        select(CARDS.c.project_id, CARDS.c.model, func.max(CARDS.c.number).label("number"))
        .group_by(CARDS.c.project_id, CARDS.c.model)
        .subquery()
    )
    same = (
        (CARDS.c.project_id == newest.c.project_id)
        & (CARDS.c.model == newest.c.model)
        & (CARDS.c.number == newest.c.number)
    )
    found = select(CARDS).join(newest, same).order_by(CARDS.c.project_id, CARDS.c.model)
    if project_id is not None:
        found = found.where(CARDS.c.project_id == project_id)
    return [_card(row) for row in conn.execute(found)]


def card(conn: Connection, project_id: str, model: str) -> CardRow:
    """The model's newest card. Raises `NotFound` where it has never been tried."""
    found = (
        select(CARDS)
        .where(CARDS.c.project_id == project_id, CARDS.c.model == model)
        .order_by(CARDS.c.number.desc())
        .limit(1)
    )
    row = conn.execute(found).one_or_none()
    if row is None:
        raise NotFound(
            f"The model {model[:80]!r} has no capability card.",
            fix=f"Make one: trimtab conformance --model {model[:80]} --save",
            code="no_card",
        )
    return _card(row)


def add_card(conn: Connection, row: CardRow) -> CardRow:
    """Keep the card under the model's next number; the ones before stay. Returns it with its number."""
    check_results(row.suite, row.results)
    bump(conn, REVISION)
    at = (CARDS.c.project_id == row.project_id, CARDS.c.model == row.model)
    last = conn.execute(select(func.max(CARDS.c.number)).where(*at)).scalar_one_or_none() or 0
    made = msgspec.structs.replace(row, number=last + 1)
    values: dict[str, Any] = {name: getattr(made, name) for name in CardRow.__struct_fields__}
    values["results"] = msgspec.json.encode(made.results).decode()
    conn.execute(insert(CARDS).values(**values))
    return made
