"""The search language as text: what a person types becomes a tree of clauses. What they mean is `query.py`'s.

    query    = [ either ]
    either   = all { "OR" all }
    all      = item { [ "AND" ] item }                                 items beside each other must all be true
    item     = { "-" | "NOT" } ( "(" either ")" | clause )
    clause   = key ":" values | word | '"' phrase '"'
    values   = value | "(" value { "OR" value } ")"                    any one of them
    value    = [ ">" | "<" | ">=" | "<=" | "=" ] text | [ text ] ".." [ text ] | '"' text '"'
    key      = name | ( "meta" | "score" ) "." name

``OR``, ``AND`` and ``NOT`` are written in capitals; as words to look for they are quoted. A range holds both its ends.
In unquoted text ``*`` stands for anything. A backslash before a quote or a backslash takes it literally.

Every mistake is `InvalidRequest` with ``param="q"``: it names the position, counted from 1, and what would be right.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from trimtab.core.errors import InvalidRequest

MAX_LENGTH: Final = 2_000
MAX_CLAUSES: Final = 50
MAX_DEPTH: Final = 10

Operator = Literal["=", ">", "<", ">=", "<=", ".."]


class Term(Struct, frozen=True):
    """One value of a clause. ``at`` is its position in the query, from 1; ``quoted`` text has no wildcards. With the
    operator ``..`` it is a range from ``text`` to ``until``, either of which may be empty."""

    text: str
    at: int
    op: Operator = "="
    quoted: bool = False
    until: str = ""


class Clause(Struct, frozen=True):
    """``key`` is empty for bare text. Any one of ``terms`` is enough."""

    key: str
    terms: tuple[Term, ...]
    at: int
    negated: bool = False


class Group(Struct, frozen=True):
    """``every``: all of ``parts`` must be true; otherwise any of them. No parts: everything."""

    every: bool
    parts: "tuple[Clause | Group, ...]"
    negated: bool = False


Node = Clause | Group

_PREFIXES: Final = ("meta.", "metadata.", "score.")
_KEY = re.compile(r"((?i:meta|metadata|score)\.[^\s:\"()]+|[A-Za-z_][A-Za-z0-9_.]*):")
_OPERATOR = re.compile(r">=|<=|>|<|=")
_BARE = re.compile(r"[^\s\"()]+")
_SPACE = re.compile(r"\s*")


def parse(q: str) -> Group:
    """What a query says. Raises `InvalidRequest`."""
    if len(q) > MAX_LENGTH:
        raise wrong(MAX_LENGTH, f"the search is longer than {MAX_LENGTH} characters", "Shorten it.")
    reading = _Reading(q)
    found = reading.either(0)
    if reading.at < len(q):
        raise wrong(reading.at + 1, "this parenthesis was never opened", QUOTE)
    clauses = list(clauses_of(found))
    if len(clauses) > MAX_CLAUSES:
        raise wrong(clauses[MAX_CLAUSES].at, f"the search has more than {MAX_CLAUSES} conditions", "Remove some.")
    return found if isinstance(found, Group) and found.every and not found.negated else Group(True, (found,))


def clauses_of(node: Node) -> Iterator[Clause]:
    """Every clause of a tree, in order."""
    if isinstance(node, Clause):
        yield node
    else:
        for part in node.parts:
            yield from clauses_of(part)


def wrong(position: int, what: str, fix: str) -> InvalidRequest:
    return InvalidRequest(f"The search does not parse: at position {position}, {what}.", fix=fix, param="q")


QUOTE: Final = 'Quote text that contains spaces, parentheses or colons: "like (this)".'


class _Reading:
    """Reads from the left; ``at`` is where it is, from 0."""

    def __init__(self, q: str) -> None:
        self.q = q
        self.at = 0
        self._skip()

    # --- groups ---

    def either(self, depth: int) -> Node:
        """Up to the end or a closing parenthesis."""
        if depth > MAX_DEPTH:
            raise wrong(self.at + 1, f"parentheses lie more than {MAX_DEPTH} deep", "Write the search flatter.")
        parts = [self._all(depth, may_be_empty=depth == 0)]
        while self._word("OR"):
            parts.append(self._all(depth))
        if len(parts) == 1:
            return parts[0]
        return Group(False, tuple(parts))

    def _all(self, depth: int, *, may_be_empty: bool = False) -> Node:
        items: list[Node] = []
        joined = False
        while not self._ends():
            if self._sees("OR"):
                break
            if items and self._word("AND"):
                joined = True
                continue
            items.append(self._item(depth))
            joined = False
        if joined or (not items and (not may_be_empty or not self._at_end())):
            what = "a condition is missing here"
            raise wrong(self.at + 1, what, 'Write a OR b, a AND b; to look for the word itself, quote it: "OR".')
        return items[0] if len(items) == 1 else Group(True, tuple(items))

    def _item(self, depth: int) -> Node:
        start = self.at
        negated = False
        while self._minus() or self._word("NOT"):
            negated = not negated
        if self._ends() or self._sees("OR") or self._sees("AND"):
            raise wrong(self.at + 1, "what is to be left out is missing here", "Write -status:ok, or NOT (a OR b).")
        if self.q[self.at] != "(":
            found = self._clause(start)
            return Clause(found.key, found.terms, found.at, negated)
        opened = self.at
        self._skip(1)
        inner = self.either(depth + 1)
        if self.at >= len(self.q):
            raise wrong(opened + 1, "this parenthesis is never closed", "Write (a OR b).")
        self._skip(1)
        return Group(True, (inner,), negated) if negated else inner

    def _minus(self) -> bool:
        """A dash right before what it negates; a lone one is text."""
        if self.q[self.at : self.at + 1] == "-" and len(self.q) > self.at + 1 and not self.q[self.at + 1].isspace():
            self.at += 1
            return True
        return False

    def _sees(self, word: str) -> bool:
        end = self.at + len(word)
        return self.q.startswith(word, self.at) and (end == len(self.q) or self.q[end].isspace() or self.q[end] in "()")

    def _word(self, word: str) -> bool:
        if not self._sees(word):
            return False
        self._skip(len(word))
        return True

    def _at_end(self) -> bool:
        return self.at >= len(self.q)

    def _ends(self) -> bool:
        return self._at_end() or self.q[self.at] == ")"

    def _skip(self, characters: int = 0) -> None:
        found = _SPACE.match(self.q, self.at + characters)
        self.at = found.end() if found else self.at

    # --- clauses ---

    def _clause(self, start: int) -> Clause:
        key = _KEY.match(self.q, self.at)
        if key is None:
            term = self._text()
            self._apart()
            return Clause("", (term,), start + 1)
        self.at = key.end()
        terms = self._values(key[1])
        self._apart()
        return Clause(_name(key[1]), terms, start + 1)

    def _apart(self) -> None:
        """What touches a value is none of its own: ``name:f(x)`` would look for the name ``f`` and the word ``x``."""
        touching = self.q[self.at : self.at + 1]
        if touching and touching != ")" and not touching.isspace():
            raise wrong(self.at + 1, f"{touching} stands right behind a value", f"{QUOTE} Put a space between two.")
        self._skip()

    def _values(self, key: str) -> tuple[Term, ...]:
        if self.q[self.at : self.at + 1] == "(":
            return self._alternatives(key)
        if self.at >= len(self.q) or self.q[self.at].isspace():
            raise wrong(self.at + 1, f"{key}: has no value", f'Write {key}:value, or {key}:"two words".')
        return (self._value(key),)

    def _alternatives(self, key: str) -> tuple[Term, ...]:
        terms: list[Term] = []
        opened = self.at
        self._skip(1)
        fix = f"Write {key}:(a OR b)."
        while True:
            if self.at >= len(self.q):
                raise wrong(opened + 1, "this parenthesis is never closed", fix)
            if self.q[self.at] == ")":
                raise wrong(self.at + 1, "a value is missing here", fix)
            terms.append(self._value(key))
            self._skip()
            if self.q[self.at : self.at + 1] == ")":
                self.at += 1
                return tuple(terms)
            if self.at < len(self.q):
                end = self.at + 2
                if self.q[self.at : end].upper() != "OR" or not (end == len(self.q) or self.q[end].isspace()):
                    raise wrong(self.at + 1, "values in parentheses are joined by OR", fix)
                self._skip(2)

    def _value(self, key: str) -> Term:
        start = self.at
        found = _OPERATOR.match(self.q, self.at)
        op: Operator = "="
        if found is not None:
            op = found[0]  # pyright: ignore[reportAssignmentType]  one of the five
            self.at = found.end()
            if self.q[self.at : self.at + 1].isspace():
                raise wrong(self.at + 1, "a value is missing here", f"Write {key}:{op}1 without a space.")
        term = self._text()
        if not term.quoted and found is None and ".." in term.text and term.text.strip("."):
            first, _, last = term.text.partition("..")
            return Term(first, start + 1, "..", until=last)
        return Term(term.text, start + 1, op, term.quoted)

    def _text(self) -> Term:
        if self.q[self.at : self.at + 1] == '"':
            return self._quoted()
        found = _BARE.match(self.q, self.at)
        if found is None:
            empty = self.at >= len(self.q) or self.q[self.at].isspace()
            what = "a value is missing here" if empty else f"{self.q[self.at]} has no meaning here"
            raise wrong(self.at + 1, what, QUOTE)
        start, self.at = self.at, found.end()
        return Term(found[0], start + 1)

    def _quoted(self) -> Term:
        """A backslash before a quote or a backslash takes it literally."""
        text: list[str] = []
        opened = self.at
        end = opened + 1
        while end < len(self.q):
            char = self.q[end]
            if char == "\\" and self.q[end + 1 : end + 2] in ('"', "\\"):
                text.append(self.q[end + 1])
                end += 2
            elif char == '"':
                self.at = end + 1
                return Term("".join(text), opened + 1, "=", quoted=True)
            else:
                text.append(char)
                end += 1
        raise wrong(opened + 1, "this quote is never closed", 'End the phrase with ".')


def _name(key: str) -> str:
    """Keys are told apart whatever their case; names of metadata and scores are not changed."""
    prefix, dot, name = key.partition(".")
    prefix = prefix.lower()
    if not dot or f"{prefix}." not in _PREFIXES:
        return key.lower()
    return f"{'meta' if prefix == 'metadata' else prefix}.{name}"
