"""How few changes make the answer the expected text: 1 less Levenshtein's distance by the longer one's length."""

from typing import Literal

from msgspec import Struct

from trimtab.scoring.alike import edit_distance
from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import expected_texts, plain, words
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``unit``: what is inserted, deleted and replaced. Of several expected texts the nearest counts."""

    unit: Literal["character", "word"] = "character"
    ignore_case: bool = False


def _judge(sample: Sample, options: Options) -> Verdict:
    expected = expected_texts(sample)[:20]
    if not expected:
        return CannotScore(reason="edit_distance compares texts: the case expects none.")
    answer = _items(sample.output or "", options)
    near: list[tuple[float, int]] = []
    for text in expected:
        items = _items(text, options)
        distance = edit_distance(answer, items)
        near.append((1 - distance / max(len(answer), len(items), 1), distance))
    share, distance = max(near)
    return Scored(value=share, detail={"distance": distance, "unit": options.unit})


def _items(text: str, options: Options) -> str | list[str]:
    if options.unit == "word":
        return words(text) if options.ignore_case else plain(text).split()
    return plain(text, ignore_case=options.ignore_case)


PLUG = Rule(
    name="edit_distance",
    version="1",
    about="How near the answer is to the expected text, by Levenshtein's distance.",
    needs=("output", "expected"),
    options=Options,
    judge=_judge,
    most=20_000,
)
