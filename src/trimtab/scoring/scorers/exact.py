"""Whether the answer is the expected one, character for character after what the options allow."""

import unicodedata
from typing import Any, Final, cast

from msgspec import Struct

from trimtab.scoring.types import Better, CannotScore, Kind, Sample, Scored, Source, Tools, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``any_of``: the expected value is a list, and one of it is enough."""

    ignore_case: bool = False
    strip: bool = True
    any_of: bool = False


class Exact:
    name: Final = "exact"
    version: Final = "1"
    about: Final = "The answer equals the expected text."
    kind: Final[Kind] = "share"
    better: Final[Better] = "higher"
    source: Final[Source] = "code"
    needs: Final = ("output", "expected")
    options: Final = Options

    async def score(self, sample: Sample, options: Options, tools: Tools) -> Verdict:
        texts = _texts(sample.expected, options)
        if sample.output is None or not texts:
            return CannotScore(reason="exact compares texts: the case expects no text.")
        answer = _plain(sample.output, options)
        return Scored(value=float(any(answer == _plain(text, options) for text in texts)))


def _texts(expected: Any, options: Options) -> list[str]:
    several = cast("list[object]", expected) if options.any_of and isinstance(expected, list) else [expected]
    return [text for text in several if isinstance(text, str)]


def _plain(text: str, options: Options) -> str:
    text = unicodedata.normalize("NFC", text)
    text = text.strip() if options.strip else text
    return text.casefold() if options.ignore_case else text


PLUG = Exact()
