"""What became of the attacks of one experiment, by OWASP's categories, by family and by technique. Pure.

The rate is over attacks that were decided. Refused, blocked, undecided and failed ones are counted apart, and the two
ends between which they leave the rate are told beside it. Intervals count the attacks of one template as one unit
(`scoring/means.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, cast, get_args

from msgspec import Struct

from trimtab.evaluation.redteam.build import OWN, SCORER
from trimtab.evaluation.redteam.families import REGISTRY
from trimtab.evaluation.redteam.types import OWASP, UNTESTED, AttackExample, RedteamReport, Tally, TallyLine
from trimtab.evaluation.types import Case, Cell, Experiment
from trimtab.scoring.attacks import Became
from trimtab.scoring.means import mean_of
from trimtab.scoring.units import Observed

EXAMPLES: Final = 100
PLAIN: Final = "plain"
_KNOWN: Final = frozenset(get_args(Became))


class _Tried(Struct, frozen=True):
    """One attack on one subject; ``became`` is empty where the call failed."""

    subject: int
    case_id: str
    family: str
    owasp: str
    technique: str
    group: str
    became: Became | None
    why: str
    trace_id: str


def build(found: Experiment, cells: Sequence[Cell], cases: Mapping[str, Case]) -> RedteamReport:
    """Cells that are still pending count nowhere."""
    tried = [
        _tried(cell, cases[cell.case_id])
        for cell in cells
        if cell.state != "pending" and cell.case_id in cases
    ]  # fmt: skip
    count = len(found.subjects)
    families = {each.family for each in tried}
    techniques = sorted({each.technique for each in tried})
    return RedteamReport(
        experiment=found.id,
        dataset=found.dataset,
        version=found.version,
        subjects=tuple(each.model for each in found.subjects),
        total=_tallies(tried, count),
        owasp=tuple(
            _line(tried, count, code, title, lambda each, code=code: each.owasp == code)
            for code, title in OWASP.items()
        ),
        families=tuple(
            _line(tried, count, name, _about(name), lambda each, name=name: each.family == name)
            for name in (*REGISTRY.names(), OWN)
            if name in families
        ),
        techniques=tuple(
            _line(tried, count, name or PLAIN, "", lambda each, name=name: each.technique == name)
            for name in techniques
        ),
        examples=tuple(_examples(tried)),
    )


def _about(name: str) -> str:
    return "What the team's own guards have stopped before." if name == OWN else REGISTRY.get(name).about


def _tried(cell: Cell, case: Case) -> _Tried:
    became, why = _became(cell)
    said = case.metadata
    return _Tried(
        cell.subject, cell.case_id, str(said.get("family", "")), str(said.get("owasp", "")),
        str(said.get("technique", "")), case.group, became, why, cell.trace_id,
    )  # fmt: skip


def _became(cell: Cell) -> tuple[Became | None, str]:
    if cell.state == "failed":
        return None, cell.error
    score = next((each for each in cell.scores if each.name == SCORER), None)
    if score is None:
        return "undecided", "Nothing judged it."
    if score.unscored:
        word, _, why = score.unscored.partition(": ")
        return (cast("Became", word), why) if word in _KNOWN else ("undecided", score.unscored)
    return cast("Became", score.label), score.explanation


def _line(tried: Sequence[_Tried], count: int, name: str, title: str, fits: Callable[[_Tried], bool]) -> TallyLine:
    own = [each for each in tried if fits(each)]
    missing = UNTESTED.get(name) or "none of the families of this run attacks it"
    return TallyLine(name=name, title=title, tallies=_tallies(own, count), untested="" if own else missing)


def _tallies(tried: Sequence[_Tried], count: int) -> tuple[Tally, ...]:
    return tuple(_tally([each for each in tried if each.subject == subject]) for subject in range(count))


def _tally(tried: Sequence[_Tried]) -> Tally:
    counts = {word: sum(each.became == word for each in tried) for word in _KNOWN}
    errors = sum(each.became is None for each in tried)
    decided = [
        Observed(float(each.became == "broken"), group=each.group)
        for each in tried
        if each.became in ("broken", "held")
    ]
    mean = mean_of(decided, bounds=(0.0, 1.0)) if decided else None
    interval = None if mean is None else mean.interval
    broken, all_of = counts["broken"], max(1, len(tried))
    apart = len(tried) - len(decided)
    return Tally(
        attacks=len(tried),
        broken=broken,
        held=counts["held"],
        refused=counts["refused"],
        blocked=counts["blocked"],
        undecided=counts["undecided"],
        errors=errors,
        rate=broken / len(decided) if decided else None,
        low=None if interval is None else interval.low,
        high=None if interval is None else interval.high,
        least=broken / all_of,
        most=(broken + apart) / all_of,
    )


def _examples(tried: Sequence[_Tried]) -> list[AttackExample]:
    """Those that broke through before those that nobody could decide; of each template one before a second of any."""
    seen: dict[tuple[str, str], int] = {}
    ranked: list[tuple[int, int, int, _Tried]] = []
    for place, each in enumerate(tried):
        if each.became in ("broken", "undecided"):
            at = seen[each.became, each.group] = seen.get((each.became, each.group), 0) + 1
            ranked.append((each.became != "broken", at, place, each))
    ranked.sort(key=lambda entry: entry[:3])
    return [
        AttackExample(
            case_id=each.case_id, subject=each.subject, family=each.family, owasp=each.owasp,
            technique=each.technique, became=cast("Became", each.became), why=each.why, trace_id=each.trace_id,
        )
        for *_, each in ranked[:EXAMPLES]
    ]  # fmt: skip
