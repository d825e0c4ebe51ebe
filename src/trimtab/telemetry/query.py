"""The search language: what a person types becomes a condition with bound values.

    clause   = ["-"] ( key ":" values | word | "quoted phrase" )          clauses are joined by AND
    values   = value | "(" value { "OR" value } ")"
    value    = [">" | "<" | ">=" | "<="] number | text | "quoted text"    * in unquoted text stands for anything

    model:gpt* cost:>0.01 -status:ok meta.team:red (model:a OR is written) model:(a OR b) "refund policy"

A bare word or phrase is looked for, whatever its case, in everything that was said. Every mistake is `InvalidRequest`
with ``param="q"``: it names the position, counted from 1, and what would be right. Nothing a person types ever becomes
part of the SQL text: only keys of the table below choose columns, values are placeholders.
"""

import difflib
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Final, Literal, get_args

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.aggregate_views import Of
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import SpanKind, Status, Window

MAX_LENGTH: Final = 2_000
MAX_CLAUSES: Final = 50
_STATUSES: Final = get_args(Status)
_KINDS: Final = get_args(SpanKind)
_INT64: Final = (1 << 63) - 1

Operator = Literal["=", ">", "<", ">=", "<="]


class Term(Struct, frozen=True):
    """One value of a clause. ``at`` is its position in the query, from 1; ``quoted`` text has no wildcards."""

    text: str
    at: int
    op: Operator = "="
    quoted: bool = False


class Clause(Struct, frozen=True):
    """``key`` is empty for bare text. Any one of ``terms`` is enough."""

    key: str
    terms: tuple[Term, ...]
    at: int
    negated: bool = False


class Condition(Struct, frozen=True):
    """An SQL condition over ``spans`` and its placeholders' values. ``searches_text``: it looks into ``span_io``."""

    sql: str
    params: dict[str, Value]
    searches_text: bool = False


# --- reading -------------------------------------------------------------------------------------------------------

_KEY = re.compile(r"(meta\.[^\s:\"()]+|[A-Za-z_][A-Za-z0-9_.]*):")
_OPERATOR = re.compile(r">=|<=|>|<|=")
_BARE = re.compile(r"[^\s\"()]+")
_SPACE = re.compile(r"\s*")


def parse(q: str) -> tuple[Clause, ...]:
    """The clauses of a query. Raises `InvalidRequest`."""
    if len(q) > MAX_LENGTH:
        raise _wrong(MAX_LENGTH, f"the search is longer than {MAX_LENGTH} characters", "Shorten it.")
    clauses = tuple(_clauses(q))
    if len(clauses) > MAX_CLAUSES:
        raise _wrong(clauses[MAX_CLAUSES].at, f"the search has more than {MAX_CLAUSES} conditions", "Remove some.")
    return clauses


def _clauses(q: str) -> Iterator[Clause]:
    at = _skip(q, 0)
    while at < len(q):
        start = at
        negated = q[at] == "-" and len(q) > at + 1 and not q[at + 1].isspace()
        if negated:
            at += 1
        key = _KEY.match(q, at)
        if key is not None:
            terms, at = _values(q, key.end(), key[1])
            yield Clause(key[1].lower() if not key[1].startswith("meta.") else key[1], terms, start + 1, negated)
        else:
            term, at = _text(q, at)
            yield Clause("", (term,), start + 1, negated)
        at = _skip(q, at)


def _values(q: str, at: int, key: str) -> tuple[tuple[Term, ...], int]:
    if at < len(q) and q[at] == "(":
        return _alternatives(q, at, key)
    if at >= len(q) or q[at].isspace():
        raise _wrong(at + 1, f"{key}: has no value", f'Write {key}:value, or {key}:"two words".')
    term, at = _value(q, at)
    return (term,), at


def _alternatives(q: str, opened: int, key: str) -> tuple[tuple[Term, ...], int]:
    terms: list[Term] = []
    at = _skip(q, opened + 1)
    while True:
        if at >= len(q):
            raise _wrong(opened + 1, "this parenthesis is never closed", f"Write {key}:(a OR b).")
        if q[at] == ")":
            raise _wrong(at + 1, "a value is missing here", f"Write {key}:(a OR b).")
        term, at = _value(q, at)
        terms.append(term)
        at = _skip(q, at)
        if at < len(q) and q[at] == ")":
            return tuple(terms), at + 1
        if at < len(q):
            if q[at : at + 2].upper() != "OR" or not (at + 2 == len(q) or q[at + 2].isspace()):
                raise _wrong(at + 1, "values in parentheses are joined by OR", f"Write {key}:(a OR b).")
            at = _skip(q, at + 2)


def _value(q: str, at: int) -> tuple[Term, int]:
    start = at
    found = _OPERATOR.match(q, at)
    op: Operator = "="
    if found is not None:
        op = found[0]  # pyright: ignore[reportAssignmentType]  one of the five
        at = found.end()
    term, end = _text(q, at)
    return Term(term.text, start + 1, op, term.quoted), end


def _text(q: str, at: int) -> tuple[Term, int]:
    if at < len(q) and q[at] == '"':
        return _quoted(q, at)
    found = _BARE.match(q, at)
    if found is None:
        what = "a value is missing here" if at >= len(q) or q[at].isspace() else f"{q[at]} has no meaning here"
        raise _wrong(at + 1, what, 'Quote text that contains spaces, parentheses or colons: "like (this)".')
    return Term(found[0], at + 1), found.end()


def _quoted(q: str, at: int) -> tuple[Term, int]:
    """A backslash before a quote or a backslash takes it literally."""
    text: list[str] = []
    end = at + 1
    while end < len(q):
        char = q[end]
        if char == "\\" and q[end + 1 : end + 2] in ('"', "\\"):
            text.append(q[end + 1])
            end += 2
        elif char == '"':
            return Term("".join(text), at + 1, "=", quoted=True), end + 1
        else:
            text.append(char)
            end += 1
    raise _wrong(at + 1, "this quote is never closed", 'End the phrase with ".')


def _skip(q: str, at: int) -> int:
    found = _SPACE.match(q, at)
    return found.end() if found else at


def _wrong(position: int, what: str, fix: str) -> InvalidRequest:
    return InvalidRequest(f"The search does not parse: at position {position}, {what}.", fix=fix, param="q")


# --- compiling -----------------------------------------------------------------------------------------------------


class _Values:
    """Hands out placeholders."""

    def __init__(self) -> None:
        self.params: dict[str, Value] = {}

    def bind(self, value: Value) -> str:
        name = f"q{len(self.params)}"
        self.params[name] = value
        return f"{{{name}:{'Int64' if isinstance(value, int) else 'String'}}}"


Compile = Callable[[_Values, Term], str]


def _pattern(text: str) -> str:
    """Text with ``*`` as a pattern of LIKE."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def _word(term: Term, key: str) -> str:
    if term.op != "=":
        raise _wrong(
            term.at, f"{key} is text and cannot be compared with {term.op}", f"Write {key}:value or {key}:val*."
        )
    return term.text


def _column(name: str) -> Compile:
    """Equality, or a pattern; a lone ``*`` means that there is a value at all."""

    def compile_term(values: _Values, term: Term) -> str:
        text = _word(term, name)
        if term.quoted or "*" not in text:
            return f"{name} = {values.bind(text)}"
        if text.strip("*") == "":
            return f"{name} != ''"
        return f"{name} LIKE {values.bind(_pattern(text))}"

    return compile_term


def _member(name: str) -> Compile:
    """The same of any element of an array."""

    def compile_term(values: _Values, term: Term) -> str:
        text = _word(term, name)
        if term.quoted or "*" not in text:
            return f"has({name}, {values.bind(text)})"
        if text.strip("*") == "":
            return f"notEmpty({name})"
        return f"arrayExists(x -> x LIKE {values.bind(_pattern(text))}, {name})"

    return compile_term


def _choice(name: str, choices: tuple[str, ...]) -> Compile:
    def compile_term(values: _Values, term: Term) -> str:
        text = _word(term, name).lower()
        if text not in choices:
            raise _wrong(term.at, f"{term.text} is no {name}", f"Use one of: {', '.join(choices)}.")
        return f"{name} = {values.bind(text)}"

    return compile_term


def _any_span(compiled: Compile) -> Compile:
    """True of a trace when any of its spans fits: an entry span is seldom of the kind that is looked for."""

    def compile_term(values: _Values, term: Term) -> str:
        inner = compiled(values, term)
        return f"trace_id IN (SELECT trace_id FROM spans WHERE {_SCOPE} AND {inner})"  # noqa: S608  our own text around placeholders

    return compile_term


def _number(sql: str, scale: Callable[[str], Decimal], example: str) -> Compile:
    def compile_term(values: _Values, term: Term) -> str:
        try:
            number = scale(term.text.strip().lower())
        except (ArithmeticError, ValueError) as error:
            raise _wrong(term.at, f"{term.text} is not a number", f"Write {example}.") from error
        if not number.is_finite() or abs(number) >= _INT64:
            raise _wrong(term.at, f"{term.text} is out of range", f"Write {example}.")
        return _compare(sql, term.op, number, values)

    return compile_term


def _compare(sql: str, op: Operator, number: Decimal, values: _Values) -> str:
    """Against a whole number, exactly: ``x > 2.5`` is ``x > 2``, ``x < 2.5`` is ``x < 3``; nothing equals 2.5."""
    floor = int(number.to_integral_value(rounding="ROUND_FLOOR"))
    whole = number == floor
    if op == "=":
        return f"{sql} = {values.bind(floor)}" if whole else "0"
    if op in (">", "<="):
        return f"{sql} {op} {values.bind(floor)}"
    return f"{sql} {op} {values.bind(floor if whole else floor + 1)}"


_UNITS: Final = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000}
_DURATION = re.compile(r"([0-9.+-]+)\s*(ns|us|µs|ms|s|m)?")


def _nanoseconds(text: str) -> Decimal:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return Decimal(found[1]) * _UNITS[found[2] or "ms"]


def _picodollars(text: str) -> Decimal:
    return Decimal(text.removeprefix("$")) * 10**12


def _count(text: str) -> Decimal:
    return Decimal(text.removesuffix("k")) * 1000 if text.endswith("k") else Decimal(text)


def _stream(values: _Values, term: Term) -> str:
    text = _word(term, "stream").lower()
    if text not in ("true", "false", "yes", "no"):
        raise _wrong(term.at, f"{term.text} is neither true nor false", "Write stream:true or stream:false.")
    return f"stream = {values.bind(int(text in ('true', 'yes')))}"


TOKENS: Final = "(input_tokens + cache_read_tokens + cache_write_tokens + output_tokens + reasoning_tokens)"
KEYS: Final[dict[str, Compile]] = {
    "model": _column("model"),
    "provider": _member("tried"),
    "status": _choice("status", _STATUSES),
    "feature": _column("feature"),
    "session": _column("session"),
    "user": _column("user"),
    "key": _column("key_id"),
    "tag": _member("tags"),
    "kind": _any_span(_choice("kind", _KINDS)),
    "app": _column("app"),
    "release": _column("release"),
    "environment": _column("environment"),
    "name": _any_span(_column("name")),
    "error": _column("error_code"),
    "stop": _column("stop"),
    "stream": _stream,
    "cost": _number("cost", _picodollars, "cost:>0.01 (US dollars)"),
    "duration": _number("duration_ns", _nanoseconds, "duration:>500ms or duration:>=2s"),
    "ttft": _number("ttft_ns", _nanoseconds, "ttft:>500ms or ttft:>=2s"),
    "tokens": _number(TOKENS, _count, "tokens:>1000 or tokens:>1k"),
    "trace": _column("trace_id"),
    "request": _column("request_id"),
}
"""Every key, in the order in which they are offered; ``meta.<key>`` besides."""

# A child may begin after its entry span, an hour after at most as far as a search is concerned.
_SCOPE: Final = (
    "project = {project:String} AND start_ns >= {start_ns:Int64} AND start_ns < {end_ns:Int64} + 3600000000000"
)


def compile_query(q: str, project: str, window: Window, of: Of = "traces") -> Condition:
    """The condition for entry spans (or for all spans); project and window are always part of it. Raises
    `InvalidRequest`."""
    values = _Values()
    entry = "entry = 1 AND " if of == "traces" else ""
    parts = [f"project = {{project:String}} AND {entry}start_ns >= {{start_ns:Int64}} AND start_ns < {{end_ns:Int64}}"]
    text = False
    for clause in parse(q):
        compiled = _clause(values, clause)
        text = text or clause.key == ""
        parts.append(f"NOT ifNull({compiled}, 0)" if clause.negated else compiled)
    params = {**values.params, "project": project, **window_params(window)}
    return Condition(" AND ".join(parts), params, text)


def window_params(window: Window) -> dict[str, Value]:
    """``start_ns`` and ``end_ns``, kept within what the store can count."""
    return {"start_ns": _ns(window.start), "end_ns": _ns(window.end)}


def _ns(milliseconds: int) -> int:
    # An hour below the end of the scale, so that adding an hour stays on it.
    return max(0, min(milliseconds * 1_000_000, _INT64 - 3_600_000_000_000))


def _clause(values: _Values, clause: Clause) -> str:
    if not clause.key:
        return _said(values, clause.terms[0])
    if clause.key.startswith("meta."):
        compiled = _metadata(clause.key.removeprefix("meta."))
    elif clause.key in KEYS:
        compiled = KEYS[clause.key]
    else:
        raise _unknown_key(clause)
    return "(" + " OR ".join(compiled(values, term) for term in clause.terms) + ")"


def _metadata(name: str) -> Compile:
    def compile_term(values: _Values, term: Term) -> str:
        text = _word(term, f"meta.{name}")
        column = f"metadata[{values.bind(name)}]"
        if term.quoted or "*" not in text:
            return f"{column} = {values.bind(text)}"
        if text.strip("*") == "":
            return f"{column} != ''"
        return f"{column} LIKE {values.bind(_pattern(text))}"

    return compile_term


def _unknown_key(clause: Clause) -> InvalidRequest:
    near = difflib.get_close_matches(clause.key, KEYS, n=1)
    fix = f"Did you mean {near[0]}:? " if near else ""
    fix += f"Keys are {', '.join(KEYS)} and meta.<name>; put text that contains a colon in quotes."
    return _wrong(clause.at, f"there is no key {clause.key}:", fix)


# What the index holds: runs between ASCII characters that are neither letter nor digit.
_RUNS = re.compile(r"[^\x00-/:-@\[-`{-\x7f]+")


TELLING: Final = 3
"""Characters from which a run of a phrase is looked up in the index: a shorter one is a part of some word of nearly
every text, and to find that out costs more than to read the texts."""


def _said(values: _Values, term: Term) -> str:
    """Bare text. Each run of a phrase narrows by the inverted index; texts are read only where a phrase has more to it
    than one run. What was said and a failure's own words are searched; previews are parts of what was said."""
    wanted = term.text if term.quoted else term.text.strip("*")
    phrase = wanted.lower()
    if not phrase.strip():
        raise _wrong(term.at, "this phrase is empty", "Write a word to look for.")
    runs = list(dict.fromkeys(_RUNS.findall(phrase)))
    telling = [run for run in runs if len(run) >= TELLING or runs == [phrase]]
    tests = [f"text LIKE {values.bind(f'%{run}%')}" for run in telling]
    if runs != [phrase]:
        tests.append(f"position(text, {values.bind(phrase)}) > 0")
    found = f"SELECT trace_id FROM span_io WHERE {_SCOPE} AND {' AND '.join(tests)}"  # noqa: S608
    failure = f"positionCaseInsensitiveUTF8(error_message, {values.bind(wanted)}) > 0"
    return f"(trace_id IN ({found}) OR {failure})"
