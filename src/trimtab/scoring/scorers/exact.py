"""Whether the answer is the expected one, character for character after what the options allow."""

from typing import Any, cast

from msgspec import Struct

from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import plain
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``any_of``: the expected value is a list, and one of it is enough."""

    ignore_case: bool = False
    strip: bool = True
    any_of: bool = False


def _judge(sample: Sample, options: Options) -> Verdict:
    texts = _texts(sample.expected, options)
    if sample.output is None or not texts:
        return CannotScore(reason="exact compares texts: the case expects no text.")
    answer = _plain(sample.output, options)
    return Scored(value=float(any(answer == _plain(text, options) for text in texts)))


def _texts(expected: Any, options: Options) -> list[str]:
    several = cast("list[object]", expected) if options.any_of and isinstance(expected, list) else [expected]
    return [text for text in several if isinstance(text, str)]


def _plain(text: str, options: Options) -> str:
    return plain(text, ignore_case=options.ignore_case, strip=options.strip)


PLUG = Rule(
    name="exact",
    version="1",
    about="The answer equals the expected text.",
    needs=("output", "expected"),
    options=Options,
    judge=_judge,
)
