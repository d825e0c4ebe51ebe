"""One text read for attacks: its sentences, the rules they meet, what is odd about them, and their chance."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from trimtab.guard.detect import lexicon, plain, tells
from trimtab.guard.detect.head import Loaded, Sentence, chance_of, sentences, windows
from trimtab.guard.types import Notes

LONGEST: Final = 200_000
"""Characters of a text that are read."""
_IMPERATIVES_WORDS: Final = """
    add adjust alter always amend answer append apply arrange ask attach augment begin blend call change combine
    compile compose compute conclude consider convert craft create delete describe design develop disable discuss
    display do download draft emphasize employ encode encourage end enhance enlist ensure execute explain express
    extend fetch find finish forget forward generate give grant group highlight identify ignore implement include
    incorporate infuse initiate inject insert instead install integrate introduce invoke issue list make mention
    merge misspell modify move never note offer open outline output pay permit please post prepare present print
    proceed produce promote provide publish purchase put raise rearrange recommend reference refer register remind
    remove render repeat rephrase replace reply report request respond retrieve return reverse rewrite run save
    say scramble search select send set share show sign skip solve start state stop submit substitute suggest
    summarize switch tease tell transfer translate turn unlock update upload use utilize visit wire write you
"""
_IMPERATIVES: Final = frozenset(word[:5] for word in _IMPERATIVES_WORDS.split())
_ANSWERS_WORDS: Final = """
    response responses reply replies answer answers output message solution implementation
"""
_ANSWERS: Final = frozenset(word[:5] for word in _ANSWERS_WORDS.split())
_CODE: Final = re.compile(
    r"[;{}]\s*$|^\s*(?:import|from|def|class|return|if|for|var|let|const|public|#include|"
    r"@)\b|\w\(.*\)|[=<>]=|->|::|</"
)
LEAST: Final = 12
"""Features below which a window is not judged: two words are no attack by themselves."""
NEVER: Final = -60.0
_LEAST_DOCUMENT: Final = 4
"""Sentences of a text before one of them can be odd among them."""


class Read(Struct, frozen=True):
    """``met``: the rules of each sentence, and where; ``traits``: what the classifier is told besides words."""

    text: str
    sentences: list[Sentence]
    met: list[list[tuple[tells.Tell, int]]]
    traits: list[frozenset[str]]


class Hit(Struct, frozen=True):
    """Characters ``start`` to ``end`` read as an attack, as surely as ``score`` says; ``by`` a rule's family, or
    ``classifier``."""

    start: int
    end: int
    score: float
    by: str


def read(text: str, *, shape: bool, notes: Notes | None = None) -> Read:
    """``shape``: whether what is odd about a sentence within its document is looked for."""
    plain = _read(text) if notes is None else notes.once("read", text, _read)
    return shaped(plain) if shape else plain


def _read(text: str) -> Read:
    text = text[:LONGEST]
    found = sentences(text)
    met = [
        [
            (tell, each.start + at)
            for tell, at in tells.in_sentence(text[each.start : each.end], each.stems)
            if not tells.is_discussed(text, each.start + at)
        ]
        for each in found
    ]
    for tell, at in _whole(text):
        place = next((number for number, each in enumerate(found) if each.start <= at < each.end), None)
        if place is not None:
            met[place].append((tell, at))
    traits = [
        lexicon.met(each.stems).union(f"tell:{tell.family}" for tell, _ in rules) if rules else lexicon.met(each.stems)
        for each, rules in zip(found, met, strict=True)
    ]
    return Read(text, found, met, traits)


def shaped(found: Read) -> Read:
    """With what is odd about each sentence within its document besides."""
    shapes = _shapes(found.text, found.sentences)
    return replace(found, traits=[known | shape for known, shape in zip(found.traits, shapes, strict=True)])


def _whole(text: str) -> list[tuple[tells.Tell, int]]:
    """Rules that are tried on the whole text, and where they hold."""
    found: list[tuple[tells.Tell, int]] = []
    for tell, opening in zip(tells.MARKS, tells.OPENINGS, strict=True):
        at = 0
        if tell.pattern.match(text) is None and (opened := opening.pattern.match(text)):
            found.append((opening, 0))
            at = opened.end()
        found += [(tell, match.start()) for match in tell.pattern.finditer(text, at)]
    if not text.isascii() and tells.SCRIPTS.search(text):
        found += [(tell, match.start()) for tell in tells.OTHER_SCRIPTS for match in tell.pattern.finditer(text)]
    return found


def _shapes(text: str, found: Sequence[Sentence]) -> list[set[str]]:
    styles = [_style(text[each.start : each.end]) for each in found]
    most = Counter(styles).most_common(1)[0][0] if styles else ""
    known = Counter(stem for each in found for stem in each.stems if len(stem) == 5)
    made: list[set[str]] = []
    for place, (each, style) in enumerate(zip(found, styles, strict=True)):
        traits: set[str] = set()
        first = next((token for token in each.tokens if token.isalpha()), "")
        if "?" in each.tokens[-3:]:
            traits.add("asks")
        if first[:5] in _IMPERATIVES:
            traits.add("orders")
        if not _ANSWERS.isdisjoint(each.stems):
            traits.add("answers")
        if len(found) >= _LEAST_DOCUMENT:
            if style == "prose" and most != "prose":
                traits.add("odd")
            if all(known[stem] == 1 for stem in each.stems if len(stem) == 5):
                traits.add("alone")
            if place in (0, len(found) - 1):
                traits.add("edge")
        both = [f"{one}+{other}" for one in (
            "asks", "orders", "answers") for other in ("odd", "alone", "edge", "answers")
                if one != other and one in traits and other in traits]  # fmt: skip
        traits.update(both)
        made.append(traits)
    return made


def _style(line: str) -> str:
    if line.count("|") >= 2 or line.count("\t") >= 2:
        return "table"
    return "code" if _CODE.search(line) else "prose"


def score(found: Read, head: Loaded) -> list[Hit]:
    """Chances, and the rules that are met."""
    return chances(found, head) + [
        Hit(each.start, each.end, tell.score, tell.family)
        for each, rules in zip(found.sentences, found.met, strict=True)
        for tell, _ in rules
    ]


def chances(found: Read, head: Loaded, least: float = -1.0) -> list[Hit]:
    """For each sentence the highest chance of it alone and of the pairs it is in; and the surest longer window, where
    it is surer than all of these. Those above ``least`` alone."""
    count = len(found.sentences)
    if not count:
        return []
    totals = _running(head.sums(found.sentences))
    sizes = _running([len(each.ids) for each in found.sentences])
    extra = [head.weighed(each) for each in found.traits]
    best, alone = [NEVER] * count, [NEVER] * count
    widest = (NEVER, 0, 0)
    value_of = head.value
    for first, behind in windows(count):
        size = sizes[behind] - sizes[first]
        if size < LEAST:
            continue
        total, width = totals[behind] - totals[first], behind - first
        if width == 1:
            best[first] = alone[first] = value_of(total, size, extra[first])
        elif width == 2:
            _pair(first, value_of(total, size, max(extra[first], extra[first + 1])), alone, best)
        else:
            widest = max(widest, (value_of(total, size, strongest(extra[first:behind])), first, behind))
    hits = [
        Hit(each.start, each.end, chance, "classifier")
        for each, value in zip(found.sentences, best, strict=True)
        if (chance := chance_of(value)) > least
    ]
    if widest[0] > max(best) and (chance := chance_of(widest[0])) > least:
        first, last = found.sentences[widest[1]], found.sentences[widest[2] - 1]
        hits.append(Hit(first.start, last.end, chance, "classifier"))
    return hits


def _pair(first: int, value: float, alone: Sequence[float], best: list[float]) -> None:
    """A neighbour is no attack for standing beside one: the pair's value is that of the sentence which is worse alone,
    and of both where neither is much by itself."""
    hot, cold = (first, first + 1) if alone[first] >= alone[first + 1] else (first + 1, first)
    best[hot] = max(best[hot], value)
    if alone[hot] < value - 1.5:
        best[cold] = max(best[cold], value)


def strongest(extra: Sequence[float]) -> float:
    """What a window's traits weigh: its sentence's whose traits weigh most; none that speak for it are added up."""
    return max(extra)


def _running(values: Sequence[int]) -> list[int]:
    made = [0]
    for value in values:
        made.append(made[-1] + value)
    return made


def readings(text: str, *, decode: bool = True, notes: Notes | None = None) -> list[plain.Reading]:
    """The text as it is read, and what is hidden in it, each once; without ``decode`` the first alone."""
    if not decode:
        return [_first_reading(text)]
    return _readings(text) if notes is None else notes.once("readings", text, _readings)


def _first_reading(text: str) -> plain.Reading:
    return plain.Reading("", plain.normal(text), 0, len(text))


def _readings(text: str) -> list[plain.Reading]:
    first = _first_reading(text)
    made = [first]
    for each in plain.decoded(first.text[:LONGEST]):
        made.append(each)
        made.extend(
            plain.Reading(f"{each.how}, {inner.how}", inner.text, each.start, each.end)
            for inner in plain.decoded(each.text)
        )
    return made
