"""Whether the answer is in the language it should be in. Nothing is said of texts too short or too mixed to tell."""

from typing import Annotated

from msgspec import Meta, Struct

from trimtab.scoring.language import language_of
from trimtab.scoring.rule import Rule
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``language`` is an ISO 639-1 code (en, de, fr, es, it, pt, nl, pl, sv, tr, ru, uk, el, ar, he, hi, th, ja, ko or
    zh); left out, the answer's language must be the question's."""

    language: Annotated[str, Meta(pattern="^[a-z]{2}$")] | None = None


def _judge(sample: Sample, options: Options) -> Verdict:
    wanted = options.language or language_of(sample.input)
    if not wanted:
        return CannotScore(reason="The question is too short or too mixed to tell its language.")
    said = language_of(sample.output or "")
    if not said:
        return CannotScore(reason="The answer is too short or too mixed to tell its language.")
    explanation = "" if said == wanted else f"It reads as {said}, and {wanted} was wanted."
    return Scored(value=float(said == wanted), label=said, explanation=explanation)


PLUG = Rule(
    name="language",
    version="1",
    about="The answer is in the question's language, or in a given one.",
    options=Options,
    judge=_judge,
    most=1_000_000,
)
