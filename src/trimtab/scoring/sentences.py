"""Sentences of a text, and the words of a sentence that carry its meaning. Rules, no model: made for prose, lists and
tables that language models write, in languages that end a sentence with a mark."""

import re
from typing import Final

LONGEST: Final = 600
"""Characters; a longer sentence is cut where a space allows."""
MOST_TEXT: Final = 200_000
"""Characters of a text that are worth cutting into sentences: what is longer, scorers do not read."""
_ENDS: Final = re.compile(
    r"""(?<=[.!?…])["'”’»)\]]*\s+(?=["'“„«(\[]*[^\W\d_a-zà-öø-ÿ]|["'“„«(\[]*\d)  # a mark, a space, a capital or figure
    | (?<=[a-z\d)][.!?])(?=[A-Z][a-z])  # a mark, and somebody forgot the space
    | (?<=[。！？])  # marks that stand without a space
    """,
    re.VERBOSE,
)
_SHORT: Final = re.compile(
    r"(?:^|[\s(])(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|No|vs|etc|e\.g|i\.e|cf|Inc|Ltd|Jr|Sr|approx|bzw|z\.B|ca|Nr)\.$"
)
_BULLET: Final = re.compile(r"^(?:[-*+•]|#{1,6}|>|\d{1,3}[.)])\s+")
_MARKS: Final = re.compile(r"[*_`]{1,3}")
_WORD: Final = re.compile(r"\d+(?:[.,:]\d+)*%?|[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_NUMBER: Final = re.compile(r"\d+(?:[.,]\d+)*")
_STOP_WORDS: Final = """
    a an the and or but if of in on at to for from by with as is are was were be been being it its this that
    these those he she they them his her their we us our you your i me my not no do does did has have had will
    would can could should may might must which who whom whose what when where how why there here than then so
    such also both each other one into about over under after before between during only very more most some any
    all der die das und oder aber ein eine einen einem einer ist sind war waren wird mit von im in zu den dem
    des für auf nicht es er sie wir ihr ich le la les un une des et ou mais est sont était dans de du au aux
    pour par avec ne pas il elle el los las una y o pero es son era en del al por con no se lo
"""
STOP: Final = frozenset(_STOP_WORDS.split())
_NEGATIONS_WORDS: Final = """
    not no never none nobody nothing neither nor cannot without isn't aren't wasn't weren't don't doesn't didn't
    can't couldn't won't wouldn't hasn't haven't hadn't shouldn't nicht kein keine keinen keiner nie niemals
    ohne ne pas jamais aucun aucune sans nunca ningún ninguna sin non mai senza não sem niet geen nooit zonder
"""
NEGATIONS: Final = frozenset(_NEGATIONS_WORDS.split())


def sentences(text: str) -> list[str]:
    """In their order, without list marks and emphasis; empty ones are left out."""
    found: list[str] = []
    for written in text.splitlines():
        line = _MARKS.sub("", _BULLET.sub("", written.strip())).strip()
        start = 0
        for end in _ENDS.finditer(line):
            if end.end() == end.start() or not _SHORT.search(line[max(start, end.start() - 12) : end.start()]):
                found += _cut(line[start : end.start()])
                start = end.end()
        found += _cut(line[start:])
    return [each for each in found if any(letter.isalnum() for letter in each)]


def _cut(sentence: str) -> list[str]:
    parts: list[str] = []
    sentence = sentence.strip()
    while len(sentence) > LONGEST:
        place = sentence.rfind(" ", LONGEST // 2, LONGEST)
        place = LONGEST if place < 0 else place
        parts.append(sentence[:place].strip())
        sentence = sentence[place:].strip()
    return [*parts, sentence] if sentence else parts


def words(text: str) -> list[str]:
    """All words and numbers, folded; numbers without the marks between thousands."""
    return [_folded(match) for match in _WORD.findall(text)]


def content_words(text: str) -> list[str]:
    """Those that carry meaning, roughly stemmed so that ``works`` meets ``work``."""
    return [stem(word) for word in words(text) if word not in STOP]


def stem(word: str) -> str:
    """Without the most common endings of English: rough, and the same for both sides of a comparison."""
    word = word.removesuffix("'s").removesuffix("’s")
    for ending in ("ing", "ed", "es", "s"):
        if len(word) > len(ending) + 3 and word.endswith(ending) and not word.endswith("ss"):
            return word[: -len(ending)]
    return word


def numbers(text: str) -> list[str]:
    return [_folded(match) for match in _NUMBER.findall(text)]


def names(text: str) -> list[str]:
    """Words with a capital that do not only begin a sentence, folded: names in most languages, all nouns in German."""
    found = list(_WORD.finditer(text))
    return [
        _folded(match[0])
        for place, match in enumerate(found)
        if match[0][0].isupper() and place > 0 and match[0].casefold() not in STOP
    ]


def is_negated(text: str) -> bool:
    return any(word in NEGATIONS for word in words(text.replace("’", "'")))


def _folded(word: str) -> str:
    if word[0].isdigit():
        return word.replace(",", "").rstrip("%")
    return word.casefold().replace("’", "'")
