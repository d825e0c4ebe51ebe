"""Whether an answer's citations lead somewhere: marks to a given text, quotations into one, links to a given one.

Marks are numbers in brackets (``[2]``, ``[1, 3]``, ``[1-3]``, ``【2】``), counted from 1 over the sample's context.
Quotations of some length between quotation marks must stand in the context, whatever their spaces, case and marks;
quotations from the question are the user's own words.
"""

import re
from typing import Annotated, Final

from msgspec import Meta, Struct

from trimtab.scoring.rule import Rule
from trimtab.scoring.texts import squeezed
from trimtab.scoring.types import CannotScore, Sample, Scored, Verdict

_MARK: Final = re.compile(r"\[(\d{1,3}(?:\s?[,;–-]\s?\d{1,3}){0,20})\](?!\()|【(\d{1,3})[^】]{0,40}】")
_QUOTE: Final = re.compile(r"\"([^\"\n]{1,2000})\"|“([^”\n]{1,2000})”|„([^“”\n]{1,2000})[“”]|«([^»\n]{1,2000})»")
_LINK: Final = re.compile(r"https?://[^\s<>\"')\]}]{4,500}")
_ELLIPSIS: Final = re.compile(r"\[?(?:\.{3}|…)\]?")
MOST: Final = 500


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``quote_words``: from how many words on something in quotation marks is a quotation. ``required``: an answer that
    cites nothing gets 0; otherwise it cannot be scored. ``links``: whether web addresses must stand in the context."""

    quote_words: Annotated[int, Meta(ge=2)] = 5
    required: bool = False
    links: bool = True


def _judge(sample: Sample, options: Options) -> Verdict:
    context, answer = sample.context or (), sample.output or ""
    right, wrong = 0, list[str]()
    for number in _marks(answer):
        if 1 <= number <= len(context):
            right += 1
        else:
            wrong.append(f"[{number}] leads nowhere: there are {len(context)} texts")
    texts = [squeezed(text) for text in (*context, sample.input)]
    for quote in _quotes(answer, options.quote_words):
        if any(_stands(quote, text) for text in texts):
            right += 1
        else:
            wrong.append(f"{quote[:80]!r} stands in no text")
    if options.links:
        together = " ".join((*context, sample.input))
        for link in _LINK.findall(answer)[:MOST]:
            if link.rstrip(".,;:!?") in together:
                right += 1
            else:
                wrong.append(f"{link[:80]} stands in no text")
    if not right and not wrong:
        if options.required:
            return Scored(value=0.0, explanation="The answer cites nothing.")
        return CannotScore(reason="The answer cites nothing: no mark, no quotation, no link.")
    return Scored(
        value=right / (right + len(wrong)),
        explanation="; ".join(wrong[:3]),
        detail={"right": right, "wrong": wrong[:50]},
    )


def _marks(answer: str) -> list[int]:
    found: list[int] = []
    for match in _MARK.finditer(answer):
        for part in re.split(r"\s?[,;]\s?", match[1] or match[2]):
            first, _, last = (piece.strip() for piece in part.replace("–", "-").partition("-"))
            found += range(int(first), min(int(last), int(first) + 50) + 1) if last else (int(first),)
        if len(found) >= MOST:
            break
    return found[:MOST]


def _quotes(answer: str, least: int) -> list[str]:
    quoted = [next(part for part in match.groups() if part is not None) for match in _QUOTE.finditer(answer)]
    return [text for text in quoted[:MOST] if len(text.split()) >= least]


def _stands(quote: str, text: str) -> bool:
    """Each part between ellipses, in its order; a final mark may be the quoter's own."""
    at = 0
    for part in _ELLIPSIS.split(quote):
        wanted = squeezed(part).strip(" .,;:!?")
        place = text.find(wanted, at)
        if place < 0:
            return False
        at = place + len(wanted)
    return True


PLUG = Rule(
    name="citation_check",
    version="1",
    about="The share of the answer's citations, quotations and links that lead into the given context.",
    needs=("output", "context"),
    options=Options,
    judge=_judge,
)
