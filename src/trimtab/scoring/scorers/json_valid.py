"""Whether the answer is JSON."""

from typing import Literal

from msgspec import Struct

from trimtab.scoring.json_schema import kind_of
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import NoJson, json_of
from trimtab.scoring.types import Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``fence``: JSON in the answer's only code fence counts, too. ``type``: what it must be."""

    fence: bool = False
    type: Literal["any", "object", "array"] = "any"


def _judge(sample: Sample, options: Options) -> Verdict:
    try:
        value = json_of(sample.output or "", within=options.fence)
    except NoJson as why:
        return Scored(value=0.0, explanation=f"The answer is no JSON: {why}.")
    kind = kind_of(value)
    right = options.type in ("any", kind)
    return Scored(value=float(right), explanation="" if right else f"It is {kind}, and must be {options.type}.")


PLUG = Rule(
    name="json_valid",
    version="1",
    about="The answer is JSON.",
    options=Options,
    judge=_judge,
    most=1_000_000,
)
