"""When two questions look alike and ask for different things: another number, another name, a "not" more or less.

An embedding of meaning hardly moves when "refund of 50" becomes "refund of 500", "is it safe" becomes "is it unsafe",
or Paris becomes Rome: right where a wrong answer hurts most. So a semantic hit must also have the same numbers, a
negation on both sides or on none, the same names, and no pair of opposites between the two. Cheap checks on words, for
English first (numbers and names hold for every language that has capitals); they only ever turn a hit into a miss.
"""

import re
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+(?:[.,:/-]\d+)*%?", re.UNICODE)
_NO = """
not no never none nobody nothing nowhere neither nor cannot without unable fail fails failed refuse refused except
nicht kein keine keinen nie niemals ohne pas jamais sans aucun aucune
"""
_NEGATIONS = frozenset(_NO.split())
_COUNTED = """
zero - two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty
"""  # "one" is mostly a pronoun
_NUMBER_WORDS = {word: str(value) for value, word in enumerate(_COUNTED.split()) if word != "-"} | {
    "thirty": "30",
    "forty": "40",
    "fifty": "50",
    "hundred": "100",
    "thousand": "1000",
    "million": "1000000",
}
_PAIRS = """
buy/sell increase/decrease raise/lower open/close start/stop enable/disable add/remove before/after more/less most/least
best/worst highest/lowest high/low max/min maximum/minimum largest/smallest biggest/smallest first/last up/down in/out
on/off with/without import/export encrypt/decrypt send/receive deposit/withdraw lock/unlock install/uninstall
connect/disconnect accept/reject accept/decline allow/deny allow/block include/exclude legal/illegal safe/unsafe
safe/dangerous possible/impossible true/false win/lose gain/lose advantages/disadvantages advantage/disadvantage
benefits/risks pros/cons benefits/drawbacks positive/negative hot/cold north/south east/west left/right old/new
oldest/newest older/younger longer/shorter longest/shortest faster/slower fastest/slowest male/female men/women
man/woman boys/girls husband/wife mother/father parent/child yesterday/tomorrow today/tomorrow today/yesterday
monthly/yearly weekly/monthly daily/weekly past/future upgrade/downgrade create/delete subscribe/unsubscribe
encode/decode compress/decompress debit/credit physical/virtual inside/outside above/below earliest/latest
cheap/expensive cheapest/expensive public/private input/output ascending/descending even/odd
"""
_OPPOSITES = [frozenset(pair.split("/")) for pair in _PAIRS.split()]
_BY_WORD: dict[str, frozenset[str]] = {}
for _pair in _OPPOSITES:
    for _word in _pair:
        _BY_WORD[_word] = _BY_WORD.get(_word, frozenset()) | (_pair - {_word})
_COMMON_CAPITALS = frozenset(("I", "I'm", "I've", "I'd", "I'll", "OK"))


class Marks:
    """What of a text must not change: ``numbers``, ``names``, whether it is ``negated``, and its words."""

    __slots__ = ("names", "negated", "numbers", "words")

    def __init__(self, text: str) -> None:
        found = [(match.group(), match.start()) for match in _WORD.finditer(text)]
        words = [word.lower().replace("’", "'") for word, _ in found]
        self.words = frozenset(words)
        self.numbers = frozenset(_number(word) for word in words if word[0].isdigit() or word in _NUMBER_WORDS)
        self.negated = any(word in _NEGATIONS or word.endswith("n't") for word in words)
        self.names = frozenset(
            _bare(word) for word, at in found if word not in _COMMON_CAPITALS and _is_name(word, text, at)
        )


def _number(word: str) -> str:
    return _NUMBER_WORDS.get(word) or word.replace(",", "")


def _bare(word: str) -> str:
    return word.lower().replace("’", "'").removesuffix("'s")


def _is_name(word: str, text: str, at: int) -> bool:
    """A word with a capital that no sentence begins with, or with a capital inside (iPhone, SQL)."""
    if any(letter.isupper() for letter in word[1:]):
        return True
    if not word[0].isupper():
        return False
    before = text[:at].rstrip(" \t\"'([{“‘«*_")
    return bool(before) and before[-1] not in ".!?:;\n-•"


@lru_cache(maxsize=4096)
def marks(text: str) -> Marks:
    return Marks(text)


def differs(asked: str, stored: str) -> str:
    """Why an answer to ``stored`` must not be given to ``asked``, in one word; empty where nothing is against it."""
    one, other = marks(asked), marks(stored)
    if one.numbers != other.numbers:
        return "numbers"
    if one.negated != other.negated:
        return "negation"
    if not (one.names <= _known(other) and other.names <= _known(one)):
        return "names"
    gone, come = other.words - one.words, one.words - other.words
    if any(_BY_WORD.get(word, frozenset()) & come for word in gone):
        return "opposites"
    return ""


def _known(of: Marks) -> frozenset[str]:
    """A name may be written without its capital on the other side."""
    return of.names | of.words
