"""Whether a claim rests on given texts: the features of the head ``groundedness``, by words, names, numbers, negation
and meaning. No model is asked but the local embedder.

Words that the question brought along count neither for a claim nor against it: an answer that repeats the question is
not better supported for that.
"""

import re
from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct

from trimtab.scoring.heads import Head
from trimtab.scoring.sentences import content_words, is_negated, names, numbers, sentences, stem, words
from trimtab.scoring.types import Embed

MOST_CLAIMS: Final = 64
MOST_PASSAGES: Final = 512
FEATURES: Final = (
    "covered", "covered_best", "near", "numbers_missing", "names_missing", "negation", "nothing_new", "denies",
    "bare_yes_no",
)  # fmt: skip
_YES_NO: Final = re.compile(r"^(?:yes|no|ja|nein|oui|non|sí|no|sim|não|nee)\b[.,!]?\s*", re.IGNORECASE)


class Claim(Struct, frozen=True, kw_only=True):
    """One sentence of an answer, the chance that the context supports it, and the sentence that speaks for it most."""

    text: str
    chance: float
    best: str
    numbers_missing: tuple[str, ...] = ()
    names_missing: tuple[str, ...] = ()


class Grounds:
    """The context's sentences, read once for all claims of an answer."""

    def __init__(self, context: Sequence[str]) -> None:
        found = [sentence for text in context for sentence in sentences(text)]
        self.passages = found[:MOST_PASSAGES]
        self.cut = len(found) > MOST_PASSAGES
        self.words = [set(content_words(passage)) for passage in self.passages]
        self.all = {word for each in self.words for word in each}
        self.numbers = {number for passage in self.passages for number in numbers(passage)}
        self.negated = [is_negated(passage) for passage in self.passages]


def claims_of(answer: str) -> list[str]:
    """The sentences of an answer that say something: questions to the user and empty words are none."""
    return [each for each in sentences(answer) if not each.rstrip().endswith("?") and words(each)]


def spoken(claim: str, question: str) -> str:
    """A claim as it can be embedded: of a word or two, the question is part of the meaning."""
    return f"{question.strip()} {claim}" if len(words(claim)) < 5 and question else claim


def features(claim: str, question: str, grounds: Grounds, nearness: Sequence[float]) -> tuple[float, ...]:
    """In the order of `FEATURES`. ``nearness``: the claim's cosine similarity to each passage."""
    asked = set(content_words(question))
    said = _YES_NO.sub("", claim)
    new = [word for word in dict.fromkeys(content_words(said)) if word not in asked]
    covered = _share([word in grounds.all for word in new])
    scores = [_share([word in passage for word in new]) if new else 0.0 for passage in grounds.words]
    best = max(range(len(scores)), key=lambda place: (scores[place], nearness[place]), default=-1)
    differ = best >= 0 and is_negated(said) != grounds.negated[best]
    return (
        covered,
        scores[best] if best >= 0 and new else covered,
        max(nearness, default=0.0),
        _missing_share(numbers(said), missing_numbers(said, question, grounds)),
        _missing_share(names(said), missing_names(said, question, grounds)),
        float(differ and bool(new)),
        float(not new),
        float(is_negated(said)),
        float(not said.strip()),
    )


def missing_numbers(claim: str, question: str, grounds: Grounds) -> tuple[str, ...]:
    known = grounds.numbers | set(numbers(question))
    return tuple(dict.fromkeys(number for number in numbers(claim) if number not in known))


def missing_names(claim: str, question: str, grounds: Grounds) -> tuple[str, ...]:
    known = grounds.all | set(content_words(question))
    return tuple(dict.fromkeys(name for name in names(claim) if stem(name) not in known))


async def weigh(answer: Sequence[str], question: str, context: Sequence[str], head: Head, embed: Embed) -> list[Claim]:
    """Each claim with its chance. ``context`` must hold a sentence."""
    grounds = Grounds(context)
    vectors = await embed([*(spoken(claim, question) for claim in answer), *grounds.passages])
    near: Any = vectors[: len(answer)] @ vectors[len(answer) :].T
    found: list[Claim] = []
    for claim, row in zip(answer, near.tolist(), strict=True):
        found.append(
            Claim(
                text=claim,
                chance=head.chance(features(claim, question, grounds, row)),
                best=grounds.passages[max(range(len(row)), key=lambda place: row[place])],
                numbers_missing=missing_numbers(claim, question, grounds),
                names_missing=missing_names(claim, question, grounds),
            )
        )
    return found


def relevance(asked: str, text: str, nearness: float) -> tuple[float, ...]:
    """The features of the heads ``context_relevance`` and ``answer_relevance``: nearness of meaning, how many of the
    question's words and names stand in the text, and how many of the text's words the question has."""
    wanted, there = list(dict.fromkeys(content_words(asked))), set(content_words(text))
    called = [stem(name) for name in names(asked)]
    return (
        nearness,
        _share([word in there for word in wanted]),
        _share([name in there for name in called]) if called else 0.5,
        sum(word in set(wanted) for word in there) / len(there) if there else 0.0,
    )


RELEVANCE: Final = ("near", "asked_words", "asked_names", "text_words")


def _share(flags: Sequence[bool]) -> float:
    """1 where there is nothing to miss."""
    return sum(flags) / len(flags) if flags else 1.0


def _missing_share(there: Sequence[str], missing: Sequence[str]) -> float:
    return len(missing) / len(set(there)) if there else 0.0
