r"""Regular expressions of strangers, matched in time that grows with the text and never explodes.

Python's `re` backtracks: on `(a+)+$` and thirty letters it is busy for minutes, and holds the interpreter meanwhile. So
a pattern is read by Python's own parser, and run here as a set of states at once (Thompson 1968; the states met are
remembered as Cox describes for RE2, https://swtch.com/~rsc/regexp/regexp1.html). What no automaton can do is refused
with a reason: looking ahead or behind, back-references, atomic groups. (``\B`` matches in an empty text, as in
Python 3.14 and not before.) Work is counted, never timed: `TooMuch` comes
at the same place on every machine.
"""

import importlib
import re
from collections.abc import Callable
from typing import Any, Final

from trimtab.core.errors import InvalidRequest

LONGEST_PATTERN: Final = 2_000
LARGEST: Final = 4_000
"""Steps a pattern may have after its repetitions are written out."""
WORK: Final = 2_000_000
"""Elementary steps of one search: one or two seconds of a core at the very most, some milliseconds as a rule."""
_KEPT: Final = 1_000
"""States remembered before they are forgotten and made anew."""

_parser: Final[Any] = importlib.import_module("re._parser")
_compiler: Final[Any] = importlib.import_module("re._compiler")
_UNBOUNDED: Final = 4294967295  # re._constants.MAXREPEAT
_SINGLE: Final = frozenset(("LITERAL", "NOT_LITERAL", "ANY", "IN"))
_REFUSED: Final = {
    "ASSERT": "looks ahead or behind",
    "ASSERT_NOT": "looks ahead or behind",
    "GROUPREF": "refers back to a group",
    "GROUPREF_EXISTS": "refers back to a group",
    "ATOMIC_GROUP": "has an atomic group",
    "POSSESSIVE_REPEAT": "has a possessive repetition",
}
_END: Final = ""
_LAST_NEWLINE: Final = "\n$"


class TooMuch(Exception):
    """The search was given up after `WORK` steps."""


_Test = Callable[[str], Any]
_Step = tuple[str, Any, Any]
"""("char", test, -), ("split", one, other), ("at", place, -), ("match", -, -)."""
_State = tuple[frozenset[int], str]
"""The steps to try, and what stood before: ``start``, ``line`` (a newline), ``word`` or ``other``."""


class Pattern:
    """One pattern, ready to search. Raises `InvalidRequest` for what is no pattern, too large, or beyond an
    automaton. ``flags`` are `re`'s."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        if len(pattern) > LONGEST_PATTERN:
            raise _refused(f"is longer than {LONGEST_PATTERN:,} characters")
        try:
            tree = _parser.parse(pattern, flags)
            self._steps: list[_Step] = []
            self._build(tree.data, tree.state.flags)
        except (re.error, OverflowError) as error:
            raise _refused(f"cannot be read: {error}") from error
        except RecursionError as error:
            raise _refused("is nested too deeply") from error
        self._steps.append(("match", None, None))
        self._next: dict[tuple[_State, str, bool], tuple[_State, bool]] = {}

    def found(self, text: str) -> bool:
        """Whether the pattern stands anywhere in the text (`re.search`). Raises `TooMuch`."""
        return self._run(text, whole=False)

    def matches(self, text: str) -> bool:
        """Whether the pattern is the whole text (`re.fullmatch`). Raises `TooMuch`."""
        return self._run(text, whole=True)

    def _run(self, text: str, *, whole: bool) -> bool:
        state: _State = (frozenset((0,)), "start")
        work, last = WORK, len(text) - 1
        known = self._next
        for at, character in enumerate(text):
            symbol = _LAST_NEWLINE if at == last and character == "\n" else character
            step = known.get((state, symbol, whole))
            if step is None:
                step, spent = self._step(state, symbol, whole=whole)
                work -= spent
                if work < 0:
                    raise TooMuch
                if len(known) >= _KEPT * 8:
                    known.clear()
                known[(state, symbol, whole)] = step
            state, done = step
            if done:
                return True
            if not state[0]:
                return False
        return self._step(state, _END, whole=whole)[0][1]

    def _step(self, state: _State, symbol: str, *, whole: bool) -> tuple[tuple[_State, bool], int]:
        """The state after a symbol, whether the pattern is found, and the steps that took."""
        reached, matched, work = self._reach(state, symbol)
        done = matched and (not whole or symbol == _END)
        if done or symbol == _END:
            return ((frozenset(), "other"), done), work
        character = symbol[0]
        following = {pc + 1 for pc in reached if self._steps[pc][1](character)}
        if not whole:
            following.add(0)
        kind = "line" if character == "\n" else "word" if _is_word(character) else "other"
        return ((frozenset(following), kind), False), work + len(reached) + 4

    def _reach(self, state: _State, symbol: str) -> tuple[list[int], bool, int]:
        """The steps that read a character, from those of a state, and whether one ends the match before ``symbol``."""
        seen: set[int] = set()
        waiting = list(state[0])
        reading: list[int] = []
        matched = False
        while waiting:
            pc = waiting.pop()
            if pc in seen:
                continue
            seen.add(pc)
            kind, one, other = self._steps[pc]
            if kind == "char":
                reading.append(pc)
            elif kind == "split":
                waiting += (one, other)
            elif kind == "match":
                matched = True
            elif _holds(one, state[1], symbol):
                waiting.append(pc + 1)
        return reading, matched, len(seen)

    # --- from Python's syntax tree to steps ---

    def _build(self, nodes: list[Any], flags: int) -> None:
        for operation, argument in nodes:
            name = str(operation)
            if len(self._steps) > LARGEST:
                raise _refused(f"has more than {LARGEST:,} steps once its repetitions are written out")
            if name in _REFUSED:
                raise _refused(f"{_REFUSED[name]}, which takes unbounded time")
            if name in _SINGLE:
                self._steps.append(("char", _test((operation, argument), flags), None))
            elif name == "AT":
                self._steps.append(("at", _place(str(argument), flags), None))
            elif name == "SUBPATTERN":
                _, added, removed, inner = argument
                self._build(inner.data, (flags | added) & ~removed)
            elif name == "BRANCH":
                self._branch([inner.data for inner in argument[1]], flags)
            elif name in ("MAX_REPEAT", "MIN_REPEAT"):
                self._repeat(argument, flags)
            elif name == "FAILURE":
                self._steps.append(("char", _never, None))
            else:
                raise _refused(f"uses {name.lower().replace('_', ' ')}, which is not known here")

    def _branch(self, ways: list[list[Any]], flags: int) -> None:
        ends: list[int] = []
        for way in ways[:-1]:
            fork = self._placeholder()
            self._build(way, flags)
            ends.append(self._placeholder())
            self._steps[fork] = ("split", fork + 1, len(self._steps))
        self._build(ways[-1], flags)
        for end in ends:
            self._steps[end] = ("split", len(self._steps), len(self._steps))

    def _repeat(self, argument: tuple[Any, Any, Any], flags: int) -> None:
        least, most, inner = int(argument[0]), int(argument[1]), argument[2].data
        for _ in range(least):
            self._build(inner, flags)
        if most >= _UNBOUNDED:
            fork = self._placeholder()
            self._build(inner, flags)
            self._steps.append(("split", fork, fork))
            self._steps[fork] = ("split", fork + 1, len(self._steps))
            return
        forks: list[int] = []
        for _ in range(most - least):
            forks.append(self._placeholder())
            self._build(inner, flags)
        for fork in forks:
            self._steps[fork] = ("split", fork + 1, len(self._steps))

    def _placeholder(self) -> int:
        if len(self._steps) > LARGEST:
            raise _refused(f"has more than {LARGEST:,} steps once its repetitions are written out")
        self._steps.append(("split", 0, 0))
        return len(self._steps) - 1


def _never(character: str) -> bool:
    del character
    return False


def _test(node: Any, flags: int) -> _Test:
    """What tells whether one character is the node's: compiled by `re` itself, so that it means what it means there."""
    state = _parser.State()
    state.flags = flags
    test: _Test = _compiler.compile(_parser.SubPattern(state, [node]), flags).fullmatch
    return test


def _place(name: str, flags: int) -> str:
    if flags & re.ASCII and "BOUNDARY" in name:
        raise _refused("asks for the boundaries of ASCII words only, which are not known here")
    if flags & re.MULTILINE:
        return {"AT_BEGINNING": "AT_BEGINNING_LINE", "AT_END": "AT_END_LINE"}.get(name, name)
    return name


def _holds(place: str, before: str, symbol: str) -> bool:
    if place in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
        return before == "start"
    if place == "AT_BEGINNING_LINE":
        return before in ("start", "line")
    if place == "AT_END":
        return symbol in (_END, _LAST_NEWLINE)
    if place == "AT_END_STRING":
        return symbol == _END
    if place == "AT_END_LINE":
        return symbol == _END or symbol[0] == "\n"
    boundary = (before == "word") != (symbol != _END and _is_word(symbol[0]))
    return boundary if place == "AT_BOUNDARY" else not boundary


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _refused(why: str) -> InvalidRequest:
    return InvalidRequest(
        f"The pattern {why}.",
        fix="Write it without, or as several patterns; 'absent' says that one must not stand there.",
        param="pattern",
    )
