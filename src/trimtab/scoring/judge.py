"""Calling a scorer: the one edge where a plug's failure becomes a value."""

from typing import Any

import msgspec

from trimtab.core.errors import InvalidRequest, TrimtabError
from trimtab.scoring.types import MAX_EXPLANATION, CannotScore, Sample, Scored, Scorer, Tools, Verdict


def configured(scorer: Scorer, settings: Any) -> Any:
    """The scorer's options from JSON. Raises `InvalidRequest`, which names the scorer and the field."""
    try:
        return msgspec.convert(settings or {}, scorer.options)
    except msgspec.ValidationError as error:
        raise InvalidRequest(
            f"The scorer {scorer.name} does not take these options: {error}",
            fix=f"See the page of the scorer {scorer.name}.",
            param="options",
        ) from error


async def judge(scorer: Scorer, sample: Sample, options: Any, tools: Tools) -> Verdict:
    """One verdict, whatever happens: what a sample lacks, and any failure, is `CannotScore` with its reason."""
    for name in scorer.needs:
        if _missing(sample, name):
            failed = f": the call failed ({sample.error})" if name == "output" and sample.error else ""
            return CannotScore(reason=f"{scorer.name} needs {name.replace('_', ' ')}{failed}.")
    try:
        verdict = await scorer.score(sample, options, tools)
    except TrimtabError as error:
        return CannotScore(reason=f"{scorer.name}: {error.message}", retry=error.retryable)
    except Exception as error:  # noqa: BLE001 - a plug may fail in any way
        return CannotScore(reason=f"{scorer.name} failed: {type(error).__name__}: {error}"[:1000])
    return _checked(scorer, verdict)


def _missing(sample: Sample, name: str) -> bool:
    value = getattr(sample, name)
    return value is None or (name != "output" and value in ((), ""))  # an empty answer is an answer


def _checked(scorer: Scorer, verdict: Verdict) -> Verdict:
    if isinstance(verdict, CannotScore):
        return verdict
    value = verdict.value
    if value is None and not verdict.label:
        return CannotScore(reason=f"{scorer.name} gave neither a value nor a label.", cost=verdict.cost)
    if value is not None and not (abs(value) < float("inf")):
        return CannotScore(reason=f"{scorer.name} gave {value}, which is no number.", cost=verdict.cost)
    if value is not None and scorer.kind == "share" and not 0 <= value <= 1:
        return CannotScore(reason=f"{scorer.name} gave {value}, which is not within 0 and 1.", cost=verdict.cost)
    if len(verdict.explanation) <= MAX_EXPLANATION:
        return verdict
    return Scored(
        value=value,
        label=verdict.label,
        explanation=verdict.explanation[: MAX_EXPLANATION - 1] + "…",
        detail=verdict.detail,
        cost=verdict.cost,
    )
