"""Numbers as people write them, found in prose: signs, thousands, decimals, exponents, fractions, percent, sizes.

``decimal`` says which mark stands before the decimals; the other one, a no-break or thin space, an apostrophe and an
underscore may stand between thousands. "1,234" is 1234 with a decimal point and 1.234 with a decimal comma. An ordinary
space may as well stand between two numbers: it counts only where one asks for it.
"""

import re
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Final, Literal

from msgspec import Struct

DecimalMark = Literal[".", ","]
_GAPS: Final = "\u00a0\u2009\u202f'’_"
_SIZES: Final = {
    "hundred": 2, "thousand": 3, "k": 3, "tausend": 3, "mille": 3, "mil": 3, "million": 6, "millions": 6, "mn": 6,
    "mio": 6, "millionen": 6, "billion": 9, "billions": 9, "bn": 9, "mrd": 9, "milliarden": 9,
    "milliards": 9, "trillion": 12, "trillions": 12, "tn": 12,
}  # fmt: skip
"""Powers of ten. Words that differ between languages ("billion" is 10^12 in German) are read as in English."""
_CURRENCY: Final = "$€£¥₹₩₽¢"


class Number(Struct, frozen=True):
    """A number and the text it was read from. A percentage is its figure with ``percent``: 12 for "12 %"."""

    value: Decimal
    text: str
    percent: bool = False


def _pattern(decimal: str, more: str) -> re.Pattern[str]:
    gap = f"[{_GAPS}{more}{'.' if decimal == ',' else ','}]"
    point = re.escape(decimal)
    figure = rf"(?:\d{{1,3}}(?:{gap}\d{{3}}){{1,10}}(?!\d)|\d{{1,40}})(?:{point}\d{{1,40}})?|{point}\d{{1,40}}"
    exponent = r"(?:[eE][+-]?\d{1,3}|\s?[x×]\s?10\s?\^\s?[+-]?\d{1,3})"
    return re.compile(
        rf"(?<![\w{point}])(?<![^\W\d_][-–])(?P<sign>[+\-−–]?)[{_CURRENCY}]?\s?(?P<figure>{figure})(?P<exponent>{exponent})?"
        rf"(?:\s?/\s?(?P<below>\d{{1,40}})(?![\d/]))?(?:\s?(?P<percent>%|percent\b|per cent\b|prozent\b))?"
        rf"(?:\s?(?P<size>[A-Za-z]+)\b)?",
        re.IGNORECASE,
    )


_PATTERNS: Final = {(mark, spaces): _pattern(mark, " " if spaces else "") for mark in ".," for spaces in (False, True)}
MOST: Final = 1_000


def numbers(text: str, decimal: DecimalMark = ".", *, sizes: bool = True, spaces: bool = False) -> list[Number]:
    """The numbers in a text, in their order, at most `MOST`. ``sizes``: "3 million" and "3k" are read as they mean.
    ``spaces``: "1 234" is one number."""
    found: list[Number] = []
    for match in _PATTERNS[decimal, spaces].finditer(text):
        value = _value(match, decimal)
        if value is None:
            continue
        if match["size"] and not match["percent"] and sizes:
            value = value.scaleb(_SIZES.get(match["size"].lower(), 0))
        found.append(Number(value, match[0].strip(), bool(match["percent"])))
        if len(found) == MOST:
            break
    return found


def _value(match: re.Match[str], decimal: str) -> Decimal | None:
    figure = "".join(
        "." if mark == decimal else mark for mark in match["figure"] if mark.isdecimal() or mark == decimal
    )
    exponent = (match["exponent"] or "e0").replace(" ", "")
    try:
        value = Decimal(figure).scaleb(int(re.split(r"[eE]|\^", exponent)[-1]))
        if match["below"]:
            value = value / Decimal(match["below"])
    except (InvalidOperation, DivisionByZero):
        return None
    return -value if match["sign"] in ("-", "−") or (match["sign"] == "–" and match.start() == 0) else value
