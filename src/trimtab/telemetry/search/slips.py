"""What people type and do not mean: it would be read as words to look for, and find nothing, without a word why.

    duration:>2 s    cost > 0.01    model:a or model:b    - status:ok    started:2026-11-21 10:30    “refund policy”

Each of these parses. Here it is refused, with what would be right; whoever means the words themselves quotes them.
"""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Final, TypeGuard

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.search.language import Clause, Node, Term, wrong

Known = Callable[[str], bool]
"""Whether something is a key of that search."""

_UNITS: Final = {
    **dict.fromkeys(("ns", "us", "µs", "μs", "ms", "s", "m"), ""),
    **dict.fromkeys(("msec", "millis", "millisecond", "milliseconds"), "ms"),
    **dict.fromkeys(("sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours", "d", "day", "days"), "?"),
}
"""What may stand behind a length of time: "" as it is written, else how it is; ?: in another unit."""
_COUNTS: Final = {"k": "k", "thousand": "k", "million": "000k", "mio": "000k"}
_MONEY: Final = {"$": "USD", "dollar": "USD", "dollars": "USD", "€": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP"}
_CURRENCY: Final = re.compile(r"[A-Z]{3}|usd|eur|gbp|chf|jpy|cny|inr", re.ASCII)
_DURATIONS: Final = ("duration", "ttft")
_AMOUNTS: Final = ("cost", "difference")

_JOINS: Final = {"or": "OR", "|": "OR", "||": "OR", "and": "AND", "&": "AND", "&&": "AND"}
_DASHES: Final = ("-", "–", "—")
_TO: Final = (*_DASHES, "to", "until", "till")
_CURLY: Final = "“”„‟«»"
_COMPARED: Final = re.compile(r"([A-Za-z_][\w.\-]*)(!=|==|>=|<=|=>|=<|<>|>|<|=|~|:)(.*)", re.DOTALL)
_SIGN: Final = re.compile(r"(?:!=|==|>=|<=|=>|=<|<>|>|<|=|:)")
_MARKED: Final = re.compile(r"([!+–—])([A-Za-z_][\w.\-]*):")
_LEADING: Final = re.compile(r"(?<![\d.])\d{1,3}\Z")
_THOUSANDS: Final = re.compile(r"\d{3}(?:\.\d+)?")
_NUMBERED: Final = ("user", "session", "release", "http_status")
"""Names that are often digits, and no amounts: ``user:42 404`` asks for a word."""
_CLOCK: Final = re.compile(r"\d{1,2}(?::\d{2}){1,2}(?:\.\d+)?Z?|\d{1,2}(?:am|pm)", re.IGNORECASE)


def check(tree: Node, known: Known) -> None:
    """Raises `InvalidRequest` for what is most likely meant otherwise than it would be read."""
    if isinstance(tree, Clause):
        _alone(tree, known)
        return
    for part in tree.parts:
        check(part, known)
    if tree.every:
        for number, (one, other) in enumerate(pairwise(tree.parts)):
            if not isinstance(other, Clause) or other.key or other.terms[0].quoted:
                _before(one, other)
                continue
            following = tree.parts[number + 2] if number + 2 < len(tree.parts) else None
            _behind(one, other, following, known)
            _before(one, other)


# --- one condition -------------------------------------------------------------------------------------------------


def _alone(clause: Clause, known: Known) -> None:
    for term in clause.terms:
        if term.quoted:
            continue
        if term.text.startswith(tuple(_CURLY)) or (term.until or term.text).endswith(tuple(_CURLY)):
            raise wrong(term.at, "these are no quotes of a search", 'Write straight ones: "two words".')
        if clause.key and term.text.startswith(("!", "=", "<", ">")):
            leaves_out = term.text.startswith("!") or term.op == "<"
            text = term.text.lstrip("!=<>")
            fix = f"Write -{clause.key}:{text} for all others." if leaves_out else f"Write {clause.key}:{text}."
            raise wrong(
                term.at, f"{term.text} is no value", f'{fix} If it is one, quote it: {clause.key}:"{term.text}"'
            )
    if not clause.key and not clause.terms[0].quoted:
        _word(clause, known)


def _word(clause: Clause, known: Known) -> None:
    """A word that was most likely to be a condition."""
    text = clause.terms[0].text
    if text in ("||", "&&"):
        raise wrong(clause.at, f"{text} joins nothing here", f'Write a {_JOINS[text]} b; or quote it: "{text}".')
    if found := _MARKED.match(text):
        if key := _key(found[2], known):
            rest = f"{key}:{text[found.end() :]}"
            right = rest if found[1] == "+" else f"-{rest}"
            raise wrong(clause.at, f"{text} is no condition", f"Write {right}. {_quoted(text)}")
        return
    found = _COMPARED.fullmatch(text)
    if found is None or not (key := _key(found[1], known)):
        return
    sign = {"=": "", "==": "", ":": "", "~": "", "=>": ">=", "=<": "<="}.get(found[2], found[2])
    right = f"-{key}:{found[3]}" if found[2] in ("!=", "<>") else f"{key}:{sign}{found[3]}"
    raise wrong(clause.at, f"{text} is no condition", f"Write {right}. {_quoted(text)}")


def _key(name: str, known: Known) -> str:
    """The key that is meant, where it is one but for its hyphens; else empty."""
    for each in (name, name.replace("-", "_"), name.replace("-", ".")):
        if known(each.lower()) or each.lower().startswith(("meta.", "metadata.", "score.")):
            return each
    return ""


# --- two beside each other -----------------------------------------------------------------------------------------


def _before(one: Node, other: Node) -> None:
    """A word that would change what follows, were it written otherwise."""
    if not _is_word(one) or (isinstance(other, Clause) and not other.key):
        return
    text = one.terms[0].text
    if text in _DASHES:
        raise wrong(one.at, "this dash leaves nothing out", f"Write -status:ok without a space. {_quoted(text)}")
    if text.lower() == "not":
        raise wrong(one.at, f"{text} leaves nothing out", f"Write NOT, in capitals. {_quoted(text)}")
    if text.lower() in _JOINS:
        raise _joins_nothing(one.at, text)


def _behind(one: Node, word: Clause, following: Node | None, known: Known) -> None:
    """A word that belongs to what stands before it."""
    text = word.terms[0].text
    if _is_word(one):
        if _SIGN.match(text) and _key(one.terms[0].text, known):
            key = one.terms[0].text
            raise wrong(one.at, f"{key} {text} is no condition", f"Write {key}:value or {key}:>1. {_quoted(key)}")
        return
    if text.lower() in _JOINS:
        raise _joins_nothing(word.at, text)
    if not isinstance(one, Clause) or one.terms[-1].quoted:
        return
    last = one.terms[-1]
    said, number = _printed(one.key, last), last.until or last.text
    if number[:1].isdigit() or number[:1] in ("$", "-"):
        _range(one, word, following)
        if number[-1:].isdigit():
            _number(one.key, said, word)


def _range(one: Clause, word: Clause, following: Node | None) -> None:
    """The rest of a range that was written with spaces."""
    last, text = one.terms[-1], word.terms[0].text
    until = following.terms[0].text if following is not None and _is_word(following) else ""
    if last.op == "..":
        ends = text if not last.until and text[:1].isdigit() else ""
    elif _is_range(text):
        ends = text.strip(".") or until or "5"
    else:
        ends = until if text.lower() in _TO and until[:1].isdigit() else ""
    if ends:
        fix = f"Write {one.key}:{last.text}..{ends} without spaces."
        raise wrong(word.at, f"{text} belongs to the value before it", f"{fix} {_quoted(text)}")


def _number(key: str, said: str, word: Clause) -> None:
    """What belongs to the number before it."""
    text = word.terms[0].text
    if key == "started":
        if _CLOCK.fullmatch(text):
            raise wrong(word.at, f"{text} belongs to the day before it", f"Write {said}T{text}. {_quoted(text)}")
    elif key not in _NUMBERED and _LEADING.search(said) and _THOUSANDS.fullmatch(text):
        raise wrong(word.at, f"{text} belongs to the number before it", f"Write {said}{text}. {_quoted(text)}")
    else:
        _unit(key, said, word)


def _unit(key: str, said: str, word: Clause) -> None:
    text = word.terms[0].text
    low = text.lower()
    if key in _DURATIONS and low in _UNITS:
        fix = "Units are ns, us, ms, s and m." if _UNITS[low] == "?" else f"Write {said}{_UNITS[low] or low}."
    elif key in _AMOUNTS and (low in _MONEY or _CURRENCY.fullmatch(text)):
        fix = f"Write {said}{_MONEY.get(low, text.upper())}."
    elif key not in _DURATIONS + _AMOUNTS and low in _COUNTS:
        fix = f"Write {said}{_COUNTS[low]}."
    elif text == "%":
        fix = "Write the number itself: a half is 0.5."
    else:
        return
    raise wrong(word.at, f"{text} belongs to the number before it", f"{fix} {_quoted(text)}")


def _is_word(node: Node) -> TypeGuard[Clause]:
    return isinstance(node, Clause) and not node.key and not node.terms[0].quoted


def _is_range(text: str) -> bool:
    return text == ".." or (text.startswith("..") and text[2:3].isdigit())


def _joins_nothing(at: int, text: str) -> InvalidRequest:
    return wrong(at, f"{text} joins nothing here", f"Write {_JOINS[text.lower()]}, in capitals. {_quoted(text)}")


def _printed(key: str, term: Term) -> str:
    """A condition as it was typed."""
    if term.op == "..":
        return f"{key}:{term.text}..{term.until}"
    return f"{key}:{'' if term.op == '=' else term.op}{term.text}"


def _quoted(text: str) -> str:
    return f'To look for the word itself, quote it: "{text}".'
