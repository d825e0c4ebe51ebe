"""Whether the answer is JSON that fits a JSON Schema."""

from typing import Any

from msgspec import Struct

from trimtab.scoring.json_schema import mistakes
from trimtab.scoring.linear import TooMuch
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import NoJson, json_of
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``schema``: of draft 2020-12; left out, the one that the call asked for (its response format). ``fence``: JSON in
    the answer's only code fence counts, too."""

    schema: Any = None
    fence: bool = False


def _judge(sample: Sample, options: Options) -> Verdict:
    schema = options.schema if options.schema is not None else sample.output_schema
    if schema is None:
        return CannotScore(reason="json_schema needs a schema: in its options, or in what the call asked for.")
    try:
        value = json_of(sample.output or "", within=options.fence)
    except NoJson as why:
        return Scored(value=0.0, explanation=f"The answer is no JSON: {why}.")
    try:
        found = mistakes(value, schema)
    except TooMuch:
        return CannotScore(reason="Holding this answer against the schema takes too long.")
    return Scored(value=float(not found), explanation="; ".join(found[:3]), detail=found or None)


PLUG = Rule(
    name="json_schema",
    version="1",
    about="The answer is JSON that fits a schema.",
    options=Options,
    judge=_judge,
)
