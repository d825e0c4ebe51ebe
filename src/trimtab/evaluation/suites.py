"""The SQL of suites, and what may stand in one. Functions of a connection; times are Unix ms.

A suite is edited in place; every experiment keeps the spec it was made with, and its hash says whether the suite is
still that one.
"""

import hashlib
import re
from typing import Any, Final

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, insert, select, update
from sqlalchemy.exc import IntegrityError

from trimtab.core.errors import Conflict, InvalidRequest, NotFound
from trimtab.core.known import did_you_mean
from trimtab.core.registry import meant
from trimtab.evaluation.tables import SUITES
from trimtab.evaluation.types import NAME, Suite, SuiteScorer, SuiteSpec
from trimtab.governance import audit
from trimtab.governance.audit import Actor
from trimtab.ledger.limits import picodollars
from trimtab.scoring.judge import configured
from trimtab.scoring.scorers import REGISTRY

MOST_SCORERS: Final = 50
LISTED: Final = "'trimtab scorers list'"
FILES: Final = ("jsonl", "csv", "parquet")
"""How files of cases end."""
OWN: Final = ("latency", "cost", "errors")
"""Metrics that every report has by itself; a scorer cannot be called so."""
FUNCTION: Final = re.compile(r"[^:\0]{1,200}\.py:[A-Za-z_][A-Za-z0-9_]*")
JUDGE: Final = re.compile(rf"judge:{NAME}(?:@(?:[1-9][0-9]{{0,8}}|latest))?")
_NAME: Final = re.compile(NAME)
_LABEL: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._:-]{0,63}")
_DATASET: Final = re.compile(rf"(?P<name>{NAME})(?:@(?P<version>[1-9][0-9]{{0,8}}|latest))?")


class SuiteEdit(Struct, frozen=True, kw_only=True):
    """``expected``: the revision it was made from, 0 for a suite that is to be new; None to write whatever is there."""

    project_id: str
    name: str
    spec: SuiteSpec
    actor: Actor
    now: int
    expected: int | None = None


def check_name(name: str) -> None:
    """Raises `InvalidRequest`."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(
            f"{name[:80]!r} cannot be a suite's name.",
            fix="Use up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit.",
            param="name",
        )


def digest(spec: SuiteSpec) -> str:
    """The same spec gives the same."""
    return f"sha256:{hashlib.sha256(msgspec.json.encode(spec, order='deterministic')).hexdigest()}"


def dataset_of(reference: str) -> tuple[str, int | None]:
    """A dataset's name and the version that is meant, None for the newest. Raises `InvalidRequest`."""
    match = _DATASET.fullmatch(reference)
    if match is None:
        raise InvalidRequest(
            f"{reference[:80]!r} names no dataset.", fix="Write a name, 'name@3' or 'name@latest'.", param="dataset"
        )
    version = match["version"]
    return match["name"], None if version in (None, "latest") else int(version)


def named(dataset: str) -> str:
    """A file of cases as the dataset that it is brought to the server as: ``Cases of May.jsonl`` is ``cases-of-may``.
    Other references stay as they are."""
    stem, dot, ending = dataset.rpartition("/")[2].rpartition(".")
    if not dot or ending not in FILES:
        return dataset
    return re.sub(r"[^a-z0-9._-]+", "-", stem.lower()).strip("-.") or "cases"


def label_of(scorer: SuiteScorer) -> str:
    """What its scores are called in cells and reports; those of a judge alike, whichever version the suite asks for."""
    return scorer.name or (scorer.scorer.partition("@")[0] if scorer.scorer.startswith("judge:") else scorer.scorer)


def is_function(name: str) -> bool:
    """Whether a scorer is a Python function of a team's folder: it runs only where the folder is."""
    return FUNCTION.fullmatch(name) is not None


def check(spec: SuiteSpec) -> SuiteSpec:
    """Itself. Raises `InvalidRequest` for what cannot be meant; whether its dataset and judges are there is seen when
    it runs."""
    dataset_of(spec.dataset)
    if "\0" in spec.description or len(spec.description) > 2000:
        raise _wrong("A suite's description has at most 2,000 characters.", "Shorten it.", "description")
    for field, values in (("split", (spec.split,)), ("tags", spec.tags)):
        if len(values) > 32 or any(len(each) > 64 or not (each.isprintable() or not each) for each in values):
            raise _wrong(f"'{field}' is of at most 64 printable characters.", "Correct it.", field)
    if not 1 <= len(spec.scorers) <= MOST_SCORERS:
        raise _wrong(f"A suite has 1 to {MOST_SCORERS} scorers.", "Name what judges the answers.", "scorers")
    labels: set[str] = set()
    for number, scorer in enumerate(spec.scorers):
        _check_scorer(scorer, f"scorers[{number}]")
        label = label_of(scorer)
        if label in labels:
            raise _wrong(f"Two scorers are called {label!r}.", "Give one another 'name'.", f"scorers[{number}].name")
        labels.add(label)
    if spec.budget:
        picodollars(spec.budget, param="budget")
    for name, margin in (("cost_margin", spec.cost_margin), ("latency_margin", spec.latency_margin)):
        if margin is not None and not 0 < margin <= 100:
            raise _wrong(f"'{name}' is a share above 0, as 0.1 for a tenth more.", "Correct it.", name)
    if len(spec.against) > 200 or not (spec.against.isprintable() and spec.against.isascii()):
        raise _wrong("'against' names a release, an environment or a model.", "Correct it.", "against")
    return spec


def _check_scorer(scorer: SuiteScorer, where: str) -> None:
    name = scorer.scorer
    if name.startswith("judge:"):
        if not JUDGE.fullmatch(name):
            raise _wrong(f"{name[:80]!r} names no judge.", "Write judge:NAME or judge:NAME@2.", f"{where}.scorer")
    elif not is_function(name):
        known = REGISTRY.names()
        if name not in known:
            raise _wrong(
                f"There is no scorer {name[:80]!r}.",
                f"{meant(name, known, LISTED)} Yours are judge:NAME, and FILE.py:FUNCTION in your folder.",
                f"{where}.scorer",
            )
        try:
            configured(REGISTRY.get(name), scorer.options)
        except InvalidRequest as error:
            raise _wrong(error.message, error.fix, f"{where}.options") from error
    if not (_LABEL.fullmatch(label_of(scorer)) or is_function(label_of(scorer))) or label_of(scorer) in OWN:
        raise _wrong(f"A scorer cannot be called {label_of(scorer)[:80]!r} here.", "Choose another.", f"{where}.name")
    low, high = scorer.at_least, scorer.at_most
    if low is not None and high is not None and low > high:
        raise _wrong(f"'at_least' of {label_of(scorer)!r} is above its 'at_most'.", "Correct one.", f"{where}.at_least")
    if scorer.margin is not None and not scorer.margin > 0:
        raise _wrong(f"The 'margin' of {label_of(scorer)!r} is above 0.", "Correct it.", f"{where}.margin")
    _check_share(scorer, where)


def _check_share(scorer: SuiteScorer, where: str) -> None:
    """A margin of five for five points would let every loss pass."""
    if scorer.scorer in REGISTRY.names() and REGISTRY.get(scorer.scorer).kind != "share":
        return
    for field, most in (("margin", 0.5), ("at_least", 1.0), ("at_most", 1.0)):
        value = getattr(scorer, field)
        if value is not None and not 0 <= value <= most:
            raise _wrong(
                f"{field!r} of {label_of(scorer)!r}, whose values are shares, is between 0 and {most:g}.",
                "Write 0.05 for five points of a hundred.",
                f"{where}.{field}",
            )


def _wrong(message: str, fix: str, param: str) -> InvalidRequest:
    return InvalidRequest(message, fix=fix, param=param)


# --- the catalog ---


def suites(
    conn: Connection, project_id: str, *, archived: bool | None = False, after: str = "", limit: int = 500
) -> list[Suite]:
    """In order of name, from the one after ``after``; ``archived`` None for all."""
    query = select(SUITES).where(SUITES.c.project_id == project_id, SUITES.c.name > after)
    if archived is not None:
        query = query.where(SUITES.c.archived.is_not(None) if archived else SUITES.c.archived.is_(None))
    return [_made(row) for row in conn.execute(query.order_by(SUITES.c.name).limit(limit))]


def suite(conn: Connection, project_id: str, name: str, *, lock: bool = False) -> Suite:
    """Raises `NotFound`. ``lock``: nobody else changes it until this transaction ends."""
    name = name.replace("\0", "?")  # which no name has, and PostgreSQL does not take
    query = select(SUITES).where(SUITES.c.project_id == project_id, SUITES.c.name == name)
    row = conn.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        known = conn.execute(select(SUITES.c.name).where(SUITES.c.project_id == project_id)).scalars()
        raise NotFound(f"There is no suite {name[:80]!r} in this project.", fix=did_you_mean(name, known, "suite"))
    return _made(row)


def put(conn: Connection, edit: SuiteEdit) -> tuple[Suite, bool]:
    """Make or change a suite, and take it out of the archive; whether anything changed. Raises `InvalidRequest`, and
    `Conflict` where ``expected`` is not what is there."""
    check_name(edit.name)
    check(edit.spec)
    mine = (SUITES.c.project_id == edit.project_id, SUITES.c.name == edit.name)
    row = conn.execute(select(SUITES).where(*mine).with_for_update()).one_or_none()
    before = None if row is None else _made(row)
    revision = 0 if before is None else before.revision
    if edit.expected is not None and edit.expected != revision:
        raise _changed(edit.name, revision)
    wanted = digest(edit.spec)
    if before is not None and before.hash == wanted and before.archived is None:
        return before, False
    made = Suite(
        project_id=edit.project_id,
        name=edit.name,
        spec=edit.spec,
        hash=wanted,
        revision=revision + 1,
        archived=None,
        created=edit.now if before is None else before.created,
        updated=edit.now,
    )
    values: dict[str, Any] = {name: getattr(made, name) for name in made.__struct_fields__}
    values["spec"] = msgspec.json.encode(made.spec).decode()
    try:
        with conn.begin_nested():
            conn.execute(
                insert(SUITES).values(values) if before is None else update(SUITES).where(*mine).values(values)
            )
    except IntegrityError as error:  # another was quicker
        raise _changed(edit.name, revision + 1) from error
    action = "suite.created" if before is None else "suite.changed"
    told = {
        "hash": wanted,
        "before": "" if before is None else before.hash,
        "from": None if before is None else audit.told(before.spec),
        "to": audit.told(edit.spec),
    }
    audit.append(conn, edit.project_id, edit.actor, action, f"suite:{edit.name}", now=edit.now, detail=told)
    return made, True


def archive(
    conn: Connection,
    project_id: str,
    name: str,
    *,
    away: bool,
    actor: Actor,
    now: int,
    expected: int | None = None,
) -> Suite:
    """Put a suite away, or take it out again. Its experiments stay. Raises `NotFound`, and `Conflict` where
    ``expected`` is not its revision."""
    found = suite(conn, project_id, name, lock=True)
    if expected is not None and expected != found.revision:
        raise _changed(name, found.revision)
    if (found.archived is not None) != away:
        mine = (SUITES.c.project_id == project_id, SUITES.c.name == name)
        changed = {"archived": now if away else None, "updated": now, "revision": found.revision + 1}
        conn.execute(update(SUITES).where(*mine).values(changed))
        action = "suite.archived" if away else "suite.restored"
        audit.append(conn, project_id, actor, action, f"suite:{name}", now=now)
    return suite(conn, project_id, name)


def _made(row: Any) -> Suite:
    values = {name: getattr(row, name) for name in Suite.__struct_fields__}
    values["spec"] = msgspec.json.decode(row.spec, type=SuiteSpec)
    return Suite(**values)


def _changed(name: str, revision: int) -> Conflict:
    said = f"is at revision {revision}" if revision else "is not there"
    return Conflict(
        f"The suite {name!r} {said}: somebody changed it meanwhile.",
        fix="Read it again and make your change there.",
        code="suite_changed",
    )
