"""How far reviewers of a queue agree, question by question: Cohen's kappa of the first two who judged each item (order
is by their ids, so that no role is meant), Krippendorff's alpha of all. Pure; intervals are of 95 %."""

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from trimtab.review.types import Criterion, CriterionKind, Queue
from trimtab.scoring.agreement import Agreement as Coefficient
from trimtab.scoring.agreement import cohen_kappa, krippendorff_alpha

FEW: Final = 20


class CriterionAgreement(Struct, frozen=True, kw_only=True):
    """How far people agree on one question (``review`` is the decision, whose ``kind`` is null). ``items`` that at
    least two judged; ``alike``: the share of those on which all said the same. Coefficients are null where they are not
    defined: nobody ever said anything else."""

    name: str
    kind: CriterionKind | None
    items: int
    alike: float | None
    cohen: float | None
    cohen_low: float | None
    cohen_high: float | None
    krippendorff: float | None
    krippendorff_low: float | None
    krippendorff_high: float | None


class Agreement(Struct, frozen=True, kw_only=True):
    queue: str
    start: int
    end: int
    criteria: list[CriterionAgreement]
    says: str


def agreement(queue: Queue, said: dict[str, list[dict[str, Any]]], start: int, end: int) -> Agreement:
    """``said`` is of `figures.opinions`."""
    known = {each.name: each for each in queue.spec.criteria}
    rows = [_criterion(name, known.get(name), units) for name, units in said.items()]
    return Agreement(queue=queue.name, start=start, end=end, criteria=rows, says=_words(rows))


def _criterion(name: str, of: Criterion | None, units: Sequence[dict[str, Any]]) -> CriterionAgreement:
    scale = of is not None and of.kind == "scale"
    values = [[unit[who] for who in sorted(unit)] for unit in units]
    pairs = [(_label(each[0]), _label(each[1])) for each in values]
    order = [str(step) for step in range(of.low, of.high + 1)] if of is not None and scale else None
    cohen = cohen_kappa(pairs, "quadratic" if scale else "none", order)
    many = krippendorff_alpha([[float(one) for one in each] if scale else [_label(one) for one in each]
                               for each in values], "interval" if scale else "nominal")  # fmt: skip
    cohen_low, cohen_high = _ends(cohen)
    low, high = _ends(many)
    return CriterionAgreement(
        name=name,
        kind=None if of is None else of.kind,
        items=many.n,
        alike=many.share,
        cohen=cohen.value,
        cohen_low=cohen_low,
        cohen_high=cohen_high,
        krippendorff=many.value,
        krippendorff_low=low,
        krippendorff_high=high,
    )


def _label(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ends(found: Coefficient) -> tuple[float | None, float | None]:
    return (None, None) if found.interval is None else (found.interval.low, found.interval.high)


def _words(rows: Sequence[CriterionAgreement]) -> str:
    if not rows:
        return "No item was judged by two people yet: raise 'double_share', or ask for second opinions."
    first = rows[0]
    if first.krippendorff is None:
        return f"On {first.items} items that several judged all decisions were the same one: chance is not beaten yet."
    few = f" {FEW} or more items would make it firmer." if first.items < FEW else ""
    around = (
        "" if first.krippendorff_low is None else f" ({first.krippendorff_low:.2f} to {first.krippendorff_high:.2f})"
    )
    return f"On {first.items} items that several judged Krippendorff's alpha is {first.krippendorff:.2f}{around}.{few}"
