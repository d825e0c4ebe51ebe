"""The scores of a project: written durably through the spool, read from the store. Every statement is of one project.

The store replaces a score by a later version of itself when it merges; until then there are both
(`search/score_versions.py`).
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Protocol, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from trimtab.core.errors import Forbidden, NotFound
from trimtab.governance.sealing import TEXT as SEALED
from trimtab.governance.sealing import KeyDestroyed, Keyring
from trimtab.telemetry.kinds import encode_any
from trimtab.telemetry.scores.query import compile_scores
from trimtab.telemetry.scores.types import Score, ScoreBatch, Source, Target, is_ours
from trimtab.telemetry.search.score_versions import newest_rows
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import ScoreView, Window

T = TypeVar("T")
GONE: Final = "[encrypted with a key that was destroyed]"
OF_TRACE: Final = 1_000
"""Scores of one trace that are shown at most, the newest."""
_COLUMNS: Final = (
    "id, target, trace_id, span_id, session, name, value, label, explanation, source, evaluator, evaluator_version,"
    " author, at_ns, key, supersedes, valid, version"
)


class Asker(Protocol):
    """What answers statements: `reader.TelemetryReader`."""

    async def ask(self, line: type[T], sql: str, params: Mapping[str, Value]) -> list[T]: ...


class Wanted(Struct, frozen=True, kw_only=True):
    """Scores that a search (`scores/query.py`) finds, judged within the window; with ``invalid`` also those that are no
    longer valid."""

    q: str = ""
    window: Window
    invalid: bool = False


class ScoreLine(Struct, frozen=True, array_like=True):
    id: str
    target: Target
    trace_id: str
    span_id: str
    session: str
    name: str
    value: float | None
    label: str
    explanation: str
    source: Source
    evaluator: str
    evaluator_version: str
    author: str
    at_ns: int
    key: str
    supersedes: str
    valid: int
    version: int

    def opened(self, ring: Keyring) -> "ScoreLine":
        """With the words that explain it, where they lie encrypted."""
        if not self.explanation.startswith(SEALED):
            return self
        try:
            return replace(self, explanation=ring.open_text(self.explanation))
        except KeyDestroyed:
            return replace(self, explanation=GONE)

    def score(self) -> Score:
        return Score(
            **{name: getattr(self, name) for name in self.__struct_fields__ if name != "valid"}, valid=bool(self.valid)
        )


def view_of(line: ScoreLine | Score) -> ScoreView:
    return ScoreView(
        id=line.id,
        target=line.target,
        trace_id=line.trace_id,
        span_id=line.span_id,
        session=line.session,
        name=line.name,
        value=line.value,
        label=line.label,
        explanation=line.explanation,
        source=line.source,
        evaluator=line.evaluator,
        evaluator_version=line.evaluator_version,
        author=line.author,
        at=line.at_ns // 1_000_000,
        supersedes=line.supersedes,
        valid=bool(line.valid),
    )


class ScoreBook:
    """``keep`` makes an encoded record durable (`Spool.keep`); it raises `Unavailable` where it cannot. ``keys`` open
    what explains scores of encrypted projects."""

    def __init__(
        self, asker: Asker, keep: Callable[[bytes], Awaitable[None]], keys: Callable[[], Keyring] = Keyring
    ) -> None:
        self._ask = asker.ask
        self._keep = keep
        self._keys = keys

    async def write(self, project: str, scores: list[Score], *, person: bool = True) -> None:
        """All of them, durable when this returns. A score that supersedes another makes that one invalid: it must be in
        the store or among these, or `NotFound` is raised and nothing is written; what people or this server said is
        taken back by a person only (else `Forbidden`)."""
        here = {score.id: score for score in scores}
        for score in scores:
            if score.supersedes:
                old = here.get(score.supersedes) or await self.find(project, score.supersedes)
                if old is None:
                    raise _not_there(score.supersedes)
                _may_take_back(old, person, "supersedes")
                here[old.id] = replace(old, valid=False, version=max(score.version, old.version + 1))
        await self._keep(encode_any(ScoreBatch(project=project, scores=tuple(here.values()))))

    async def invalidate(self, project: str, score_id: str, now_ns: int, *, person: bool = True) -> None:
        """It stays, and counts nowhere any more. Raises `NotFound`, and `Forbidden` as `write` does."""
        found = await self.find(project, score_id)
        if found is None:
            raise _not_there(score_id)
        _may_take_back(found, person, "id")
        version = max(now_ns, found.version + 1)  # the clock may have been set back since
        await self._keep(
            encode_any(ScoreBatch(project=project, scores=(replace(found, valid=False, version=version),)))
        )

    async def find(self, project: str, score_id: str) -> Score | None:
        """The score of that id, by its trace, by which the table is ordered: that one an index knows. One that was
        moved to another trace was taken back in its old place at the same moment (`feedback.py`): it is the other."""
        where = "project = {project:String} AND id = {id:String}"
        of = f"trace_id IN (SELECT trace_id FROM scores WHERE {where})"  # noqa: S608
        sql = f"SELECT {_COLUMNS} FROM scores FINAL WHERE {where} AND {of} ORDER BY version DESC, valid DESC"  # noqa: S608
        lines = await self._ask(ScoreLine, f"{sql} LIMIT 1", {"project": project, "id": score_id})
        return lines[0].opened(self._keys()).score() if lines else None

    async def page(
        self, project: str, wanted: Wanted, after: tuple[int, str] | None, limit: int
    ) -> tuple[list[ScoreView], tuple[int, str] | None]:
        """Newest first, and where the next page begins. Raises `InvalidRequest` for a search that does not parse."""
        condition = compile_scores(wanted.q, project, wanted.window)
        where, params = condition.sql, dict(condition.params)
        if not wanted.invalid:
            where += " AND valid = 1"
        if after is not None:
            where += " AND (at_ns, id) < ({cursor_ns:Int64}, {cursor_id:String})"
            params["cursor_ns"], params["cursor_id"] = after
        lines = await self._newest(where, params, limit + 1)
        last = lines[limit - 1] if len(lines) > limit else None
        ring = self._keys()
        return [view_of(line.opened(ring)) for line in lines[:limit]], (last.at_ns, last.id) if last else None

    async def _newest(self, where: str, params: dict[str, Value], wanted: int) -> list[ScoreLine]:
        """The newest scores that fit. FINAL would merge the whole table; instead, versions that fit are looked at down
        to some place, and of each score found so its newest version must fit too. Were too many of them out of date,
        it is looked further down."""
        enough = wanted + wanted // 2 + 16
        while True:
            place = f"SELECT at_ns FROM scores WHERE {where} ORDER BY at_ns DESC LIMIT 1 OFFSET {enough}"  # noqa: S608
            found = await self._ask(tuple[int], place, params)
            bound, within = dict(params), where
            if found:
                within += " AND at_ns >= {down_ns:Int64}"
                bound["down_ns"] = found[0][0]
            sql = newest_rows(_COLUMNS, within)
            lines = await self._ask(ScoreLine, f"{sql} ORDER BY at_ns DESC, id DESC LIMIT {wanted}", bound)
            if len(lines) == wanted or not found:
                return lines
            enough *= 4


async def scores_of_trace(asker: Asker, ring: Keyring, project: str, trace_id: str) -> list[ScoreView]:
    """The valid scores of a trace and of its spans, oldest first."""
    sql = (
        f"SELECT {_COLUMNS} FROM scores FINAL WHERE project = {{project:String}} AND trace_id = {{trace:String}}"  # noqa: S608
        f" AND valid = 1 ORDER BY at_ns DESC, id DESC LIMIT {OF_TRACE}"
    )
    lines = await asker.ask(ScoreLine, sql, {"project": project, "trace": trace_id})
    return [view_of(line.opened(ring)) for line in reversed(lines)]


def _may_take_back(score: Score, person: bool, param: str) -> None:
    if not person and is_ours(score):
        raise Forbidden(
            f"The score {score.id[:64]!r} was said by a person or by this server: no application's key takes it back.",
            fix="Use the key of a person, of role editor or admin.",
            param=param,
        )


def _not_there(score_id: str) -> NotFound:
    return NotFound(
        f"There is no score {score_id[:64]!r} in this project.",
        fix="If it was written just now, it may still be on its way to the store: try again in a second.",
        param="id",
    )
