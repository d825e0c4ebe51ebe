"""The keys of the search language: which column each is, what its values may be, and what a person is told of it.

A key's `Compile` turns one value into SQL around placeholders. Over traces the condition is about entry spans, so what
only other spans have (kinds, names, tools, agents) is looked for in any span of the trace; over spans it is about each.
"""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Final, Literal, get_args

from msgspec import Struct

from trimtab.telemetry.search.aggregate_views import Of
from trimtab.telemetry.search.language import Term, wrong
from trimtab.telemetry.search.named import AGENT, TOOL
from trimtab.telemetry.search.score_versions import newest
from trimtab.telemetry.stores import KeyNamed, MoneyNamed, Value
from trimtab.telemetry.views import SpanKind, Status

_STATUSES: Final = get_args(Status)
_KINDS: Final = get_args(SpanKind)
_INT64: Final = (1 << 63) - 1

TOKENS: Final = "(input_tokens + cache_read_tokens + cache_write_tokens + output_tokens + reasoning_tokens)"

# A child may begin after its entry span, an hour after at most as far as a search is concerned.
SCOPE: Final = (
    "project = {project:String} AND start_ns >= {start_ns:Int64} AND start_ns < {end_ns:Int64} + 3600000000000"
)


class Values:
    """Hands out placeholders; ``of`` says what the condition is about."""

    def __init__(self, of: Of = "traces") -> None:
        self.of: Of = of
        self.params: dict[str, Value] = {}

    def bind(self, value: Value, kind: str = "") -> str:
        """``kind`` is the placeholder's type, where it is not plain: ``Float64`` of a number as text."""
        name = f"q{len(self.params)}"
        self.params[name] = value
        return f"{{{name}:{kind or ('Int64' if isinstance(value, int) else 'String')}}}"


Compile = Callable[[Values, Term], str]
Shape = Literal["text", "number", "choice", "time"]


class Key(Struct, frozen=True):
    """``column`` is the SQL by which values are offered and looked for with ``has:``, empty where there is none;
    ``choices`` are all the values there can be."""

    compile: Compile
    about: str
    shape: Shape = "text"
    column: str = ""
    array: bool = False
    choices: tuple[str, ...] = ()
    example: str = ""


# --- text ----------------------------------------------------------------------------------------------------------


def pattern(text: str) -> str:
    """Text with ``*`` as a pattern of LIKE."""
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def _word(term: Term, key: str) -> str:
    if term.op == "..":
        return f"{term.text}..{term.until}"
    if term.op != "=":
        raise wrong(
            term.at, f"{key} is text and cannot be compared with {term.op}", f"Write {key}:value or {key}:val*."
        )
    return term.text


def fits(sql: str, key: str) -> Compile:
    """Equality, or a pattern; a lone ``*`` means that there is a value at all."""

    def compile_term(values: Values, term: Term) -> str:
        text = _word(term, key)
        if term.quoted or "*" not in text:
            return f"{sql} = {values.bind(text)}"
        if text.strip("*") == "":
            return f"{sql} != ''"
        return f"{sql} LIKE {values.bind(pattern(text))}"

    return compile_term


def _key(values: Values, term: Term) -> str:
    """By the id of an API key, or by its name."""
    by_id = fits("key_id", "key")(values, term)
    named = key_named(term)
    return by_id if named is None else f"({by_id} OR key_id IN {values.bind(named, 'Array(String)')})"


_KEY_ID = re.compile(r"key_[0-9a-f]{32}")


def key_named(term: Term) -> KeyNamed | None:
    """The keys of that name; None where an id is meant, or any key at all."""
    wild = not term.quoted and "*" in term.text
    if wild:
        return KeyNamed(term.text, wild=True) if term.text.strip("*") else None
    return None if _KEY_ID.fullmatch(term.text) else KeyNamed(term.text)


def _member(name: str, key: str) -> Compile:
    """The same of any element of an array."""

    def compile_term(values: Values, term: Term) -> str:
        text = _word(term, key)
        if term.quoted or "*" not in text:
            return f"has({name}, {values.bind(text)})"
        if text.strip("*") == "":
            return f"notEmpty({name})"
        return f"arrayExists(x -> x LIKE {values.bind(pattern(text))}, {name})"

    return compile_term


def _choice(name: str, choices: tuple[str, ...]) -> Compile:
    def compile_term(values: Values, term: Term) -> str:
        text = _word(term, name).lower()
        if text not in choices:
            raise wrong(term.at, f"{term.text} is no {name}", f"Use one of: {', '.join(choices)}.")
        return f"{name} = {values.bind(text)}"

    return compile_term


def _any_span(compiled: Compile, also: str = "") -> Compile:
    """True of a trace when any of its spans fits: an entry span is seldom of the kind that is looked for. ``also`` must
    be true of that span besides."""

    def compile_term(values: Values, term: Term) -> str:
        inner = compiled(values, term)
        test = f"{also} AND {inner}" if also else inner
        if values.of == "spans":
            return f"({test})" if also else test
        return f"trace_id IN (SELECT trace_id FROM spans WHERE {SCOPE} AND {test})"  # noqa: S608  our own text around placeholders

    return compile_term


def _elsewhere(table: str, at: str, column: str, key: str) -> Compile:
    """True of a trace (or a span) of which another table has a row within the time that is asked about."""

    def compile_term(values: Values, term: Term) -> str:
        which = "(trace_id, span_id)" if values.of == "spans" else "trace_id"
        scope = SCOPE.replace("start_ns >=", f"{at} >=").replace("start_ns <", f"{at} <")
        where = f"{scope} AND {fits(column, key)(values, term)}"
        return f"{which} IN (SELECT {which.strip('()')} FROM {table} WHERE {where})"  # noqa: S608

    return compile_term


def _either(one: Compile, other: Compile) -> Compile:
    return lambda values, term: f"({one(values, term)} OR {other(values, term)})"


def _named(sql: str, kind: str) -> Compile:
    """True of a span of that kind by what it is called, or by its own name."""
    return _any_span(_either(fits(sql, kind), fits("name", kind)), f"kind = '{kind}'")


def _flag(sql: str, key: str) -> Compile:
    def compile_term(values: Values, term: Term) -> str:
        text = _word(term, key).lower()
        if text not in ("true", "false", "yes", "no"):
            raise wrong(term.at, f"{term.text} is neither true nor false", f"Write {key}:true or {key}:false.")
        return f"{sql} = {values.bind(int(text in ('true', 'yes')))}"

    return compile_term


# --- numbers -------------------------------------------------------------------------------------------------------


def _number(sql: str, scale: Callable[[str], Decimal], example: str) -> Compile:
    def read(text: str, at: int) -> Decimal:
        try:
            number = scale(text.strip().lower())
        except (ArithmeticError, ValueError) as error:
            raise wrong(at, f"{text} is not a number", f"Write {example}.") from error
        if not number.is_finite() or abs(number) >= _INT64:
            raise wrong(at, f"{text} is out of range", f"Write {example}.")
        return number

    def compile_term(values: Values, term: Term) -> str:
        if term.op != "..":
            return _compare(sql, term.op, read(term.text, term.at), values)
        given = [(op, read(text, term.at)) for op, text in ((">=", term.text), ("<=", term.until)) if text]
        forwards(term, [number for _, number in given])
        return "(" + " AND ".join(_compare(sql, op, number, values) for op, number in given) + ")"

    return compile_term


def forwards(term: Term, ends: Sequence[Decimal | float]) -> None:
    """A range from more to less holds nothing: that is never what is asked."""
    if len(ends) == 2 and ends[0] > ends[1]:
        raise wrong(
            term.at, f"the range {term.text}..{term.until} ends before it begins", f"Write {term.until}..{term.text}."
        )


def _compare(sql: str, op: str, number: Decimal, values: Values) -> str:
    """Against a whole number, exactly: ``x > 2.5`` is ``x > 2``, ``x < 2.5`` is ``x < 3``; nothing equals 2.5."""
    floor = int(number.to_integral_value(rounding="ROUND_FLOOR"))
    whole = number == floor
    if op == "=":
        return f"{sql} = {values.bind(floor)}" if whole else "0"
    if op in (">", "<="):
        return f"{sql} {op} {values.bind(floor)}"
    return f"{sql} {op} {values.bind(floor if whole else floor + 1)}"


_UNITS: Final = {
    "ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 1_000_000_000, "m": 60_000_000_000,
}  # fmt: skip
_DURATION = re.compile(r"([0-9.+-]+)\s*(ns|us|µs|ms|s|m)?")


def _nanoseconds(text: str) -> Decimal:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError(text)
    return Decimal(found[1]) * _UNITS[found[2] or "ms"]


_MONEY = re.compile(r"(\$)?([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[+-]?[0-9]{1,3})?)([A-Za-z]{3})?", re.IGNORECASE)
MOST_MONEY: Final = 10**15
COST: Final = "cost:>0.01 (as the project shows money) or cost:>0.01USD"


def compiled_money(values: Values, term: Term) -> str:
    tests = [f"cost {op} {values.bind(money, 'Int64')}" for op, money in money_named(term)]
    return f"({' AND '.join(tests)})"


def money_named(term: Term, example: str = COST) -> list[tuple[str, MoneyNamed]]:
    """What to compare with, and how. Amounts are in the currency that the project shows money in, or in the one that
    they name. Of a range the one end may name it for both. ``example`` is what to write instead of what is wrong."""
    given = ((">=", term.text), ("<=", term.until)) if term.op == ".." else ((term.op, term.text),)
    read = [(op, _amount_of(text, term.at, example)) for op, text in given if text]
    code = next((code for _, (_, code) in read if code), "")
    if len({own or code for _, (_, own) in read}) == 1:
        forwards(term, [Decimal(amount) for _, (amount, _) in read])
    return [(op, MoneyNamed(amount, own or code, up=op in (">=", "<"), exact=op == "=")) for op, (amount, own) in read]


def _amount_of(text: str, at: int, example: str) -> tuple[str, str]:
    found = _MONEY.fullmatch(text)
    if found is None or (found[1] and found[3] and found[3].upper() != "USD"):
        raise wrong(at, f"{text} is not a number", f"Write {example}.")
    if abs(Decimal(found[2])) >= MOST_MONEY:
        raise wrong(at, f"{text} is out of range", f"Write {example}.")
    return found[2], "USD" if found[1] else (found[3] or "").upper()


def _count(text: str) -> Decimal:
    return Decimal(text.removesuffix("k")) * 1000 if text.endswith("k") else Decimal(text)


def _float(sql: str, key: str) -> Compile:
    """Compared as a number; ``sql`` may be null where there is none, which is then not so."""

    def compile_term(values: Values, term: Term) -> str:
        tests: list[str] = []
        numbers: list[float] = []
        given = ((">=", term.text), ("<=", term.until)) if term.op == ".." else ((term.op, term.text),)
        for op, text in given:
            if not text:
                continue
            try:
                number = float(text)
            except ValueError as error:
                raise wrong(term.at, f"{text} is not a number", f"Write {key}:>0.5 or {key}:0..1.") from error
            if number - number != 0:
                raise wrong(term.at, f"{text} is out of range", f"Write {key}:>0.5 or {key}:0..1.")
            numbers.append(number)
            tests.append(f"{sql} {op} {values.bind(repr(number), 'Float64')}")
        forwards(term, numbers)
        return f"ifNull({' AND '.join(tests)}, 0)"

    return compile_term


# --- time ----------------------------------------------------------------------------------------------------------

_FORMS: Final = (
    (re.compile(r"\d{4}"), "%Y"),
    (re.compile(r"\d{4}-\d{2}"), "%Y-%m"),
    (re.compile(r"\d{4}-\d{2}-\d{2}"), "%Y-%m-%d"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}"), "%Y-%m-%dT%H"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}"), "%Y-%m-%dT%H:%M"),
    (re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}"), "%Y-%m-%dT%H:%M:%S"),
)
_TIMES: Final = "Write started:2026-11-21, started:>2026-11-21T10:30 or started:2026-11-01..2026-11-07, in UTC."


def _moment(text: str, at: int) -> tuple[int, int]:
    """The first nanosecond of what is named, and the first after it: ``2026-11`` is a whole month."""
    plain = text.upper().removesuffix("Z")
    form = next((form for shape, form in _FORMS if shape.fullmatch(plain)), None)
    try:
        first = datetime.strptime(plain, form).replace(tzinfo=UTC) if form else None
    except ValueError:
        first = None
    if first is None or not 1970 <= first.year < 2200:
        raise wrong(at, f"{text} is not a date that can be asked for", _TIMES)
    after = {
        "%Y": first.replace(year=first.year + 1),
        "%Y-%m": (first + timedelta(days=31)).replace(day=1),
        "%Y-%m-%d": first + timedelta(days=1),
        "%Y-%m-%dT%H": first + timedelta(hours=1),
        "%Y-%m-%dT%H:%M": first + timedelta(minutes=1),
        "%Y-%m-%dT%H:%M:%S": first + timedelta(seconds=1),
    }[form or ""]
    return int(first.timestamp()) * 10**9, int(after.timestamp()) * 10**9


def _started(values: Values, term: Term) -> str:
    tests: list[str] = []
    first, until = (term.text, term.until) if term.op == ".." else (term.text, term.text)
    if term.op == ".." and first and until:
        forwards(term, [_moment(first, term.at)[0], _moment(until, term.at)[1]])
    if first and term.op in ("=", "..", ">="):
        tests.append(f"start_ns >= {values.bind(_moment(first, term.at)[0])}")
    if until and term.op in ("=", "..", "<="):
        tests.append(f"start_ns < {values.bind(_moment(until, term.at)[1])}")
    if term.op == ">":
        tests.append(f"start_ns >= {values.bind(_moment(first, term.at)[1])}")
    if term.op == "<":
        tests.append(f"start_ns < {values.bind(_moment(first, term.at)[0])}")
    return "(" + " AND ".join(tests) + ")"


# --- metadata, scores ----------------------------------------------------------------------------------------------


def metadata(name: str) -> Compile:
    """``meta.team:red``, ``meta.team:r*``, ``meta.size:>3``, ``meta.size:1..5``."""

    def compile_term(values: Values, term: Term) -> str:
        column = f"metadata[{values.bind(name)}]"
        if term.op == "=":
            return fits(column, f"meta.{name}")(values, term)
        return _float(f"toFloat64OrNull({column})", f"meta.{name}")(values, term)

    return compile_term


def score(name: str) -> Compile:
    """``score.helpful:<0.5``, ``score.tone:friendly``, ``score.helpful:*``; the name may hold ``*``.

    A trace has a score when it, or any span of it, was given it; a span only its own. One that was made before what is
    asked about began is of something else, which bounds what is read.
    """

    def compile_term(values: Values, term: Term) -> str:
        return _scored(values, fits("name", "score")(values, Term(name, term.at)), term, f"score.{name}")

    return compile_term


def feedback(values: Values, term: Term) -> str:
    """Any score that a person gave: ``feedback:<0.5``, ``feedback:good``."""
    return _scored(values, "source IN ('human', 'user')", term, "feedback")


def _scored(values: Values, which: str, term: Term, key: str) -> str:
    if term.op == "=" and not term.quoted and term.text.strip("*") == "" and term.text:
        test = "1"
    elif term.op != "=" or _is_number(term):
        test = _float("value", key)(values, term)
    else:
        test = fits("label", key)(values, term)
    where = f"at_ns >= {{start_ns:Int64}} AND valid = 1 AND {which} AND {test}"
    if values.of == "spans":
        spans = newest(("trace_id", "span_id"), f"{where} AND target = 'span'")
        return f"(trace_id, span_id) IN ({spans})"
    traces = newest(("trace_id",), f"{where} AND target != 'session'")
    return f"trace_id IN ({traces})"


def _is_number(term: Term) -> bool:
    if term.quoted:
        return False
    try:
        float(term.text)
    except ValueError:
        return False
    return True


# --- the table -----------------------------------------------------------------------------------------------------


def _text(column: str, about: str, key: str = "") -> Key:
    return Key(fits(column, key or column), about, column=column)


def _amount(sql: str, scale: Callable[[str], Decimal], about: str, example: str, column: str = "") -> Key:
    return Key(_number(sql, scale, example), about, shape="number", column=column, example=example)


# --- guards --------------------------------------------------------------------------------------------------------

ACTIONS: Final = ("allow", "flag", "redact", "block", "escalate")


def _guard(values: Values, term: Term) -> str:
    """By the name of a guard, which may hold ``*``: calls in which it asked for anything but to let them pass."""
    name = _word(term, "guard")
    like = values.bind(f"{pattern(name)}|%")
    return f"arrayExists(x -> x LIKE {like} AND x NOT LIKE '%|allow|%' AND x NOT LIKE '%|unread|%', guards)"


def _unread(values: Values, term: Term) -> str:
    """By the name of a guard: calls with something that it could not read."""
    like = values.bind(f"{pattern(_word(term, 'guard.unread'))}|%|unread|%")
    return f"arrayExists(x -> x LIKE {like}, guards)"


def _guarded(mode: str) -> Compile:
    def compile_term(values: Values, term: Term) -> str:
        action = _word(term, "guard.action").lower()
        if action not in ACTIONS:
            raise wrong(term.at, f"{term.text} is nothing that a guard does", f"Use one of: {', '.join(ACTIONS)}.")
        return f"arrayExists(x -> x LIKE {values.bind(f'%|{action}|{mode}')}, guards)"

    return compile_term


TIER: Final = f"if(tier = '' AND {TOKENS} > 0, 'standard', tier)"
"""Of what used nothing there is none."""
_ENDS: Final = ("true", "false")
KEYS: Final[dict[str, Key]] = {
    "model": _text("model", "model asked for"),
    "model_used": _text("model_used", "model that answered"),
    "provider": Key(_member("tried", "provider"), "any provider that was tried", column="tried", array=True),
    "status": Key(_choice("status", _STATUSES), "how it ended", "choice", "status", choices=_STATUSES),
    "feature": _text("feature", "feature of your product"),
    "session": _text("session", "conversation"),
    "user": _text("user", "your user"),
    "key": Key(_key, "API key, by its name or id", column="key_id"),
    "tag": Key(_member("tags", "tag"), "tag", column="tags", array=True),
    "kind": Key(_any_span(_choice("kind", _KINDS)), "kind of any span in it", "choice", choices=_KINDS),
    "tool": Key(
        _either(_named(TOOL, "tool"), _elsewhere("tool_calls", "at_ns", "tool", "tool")),
        "tool that was used or asked for",
    ),
    "agent": Key(_named(AGENT, "agent"), "agent that took part"),
    "convention": Key(
        _elsewhere("span_raw", "start_ns", "convention", "convention"), "what a foreign span was written in"
    ),
    "app": _text("app", "app"),
    "release": _text("release", "release"),
    "environment": _text("environment", "environment"),
    "variant": _text("variant", "arm of a rollout: stable, candidate or shadow"),
    "class": _text("data_class", "data class, by the project's list", "class"),
    "tier": _text(TIER, "service tier it was worked on in", "tier"),
    "guard": Key(_guard, "guard that minded something in it", example="guard:pii"),
    "guard.action": Key(
        _guarded("enforce"), "what a guard did with it", "choice", choices=ACTIONS, example="guard.action:block"
    ),
    "guard.unread": Key(_unread, "guard that could not read all of it", example="guard.unread:pii"),
    "guard.shadow": Key(
        _guarded("shadow"),
        "what a guard in shadow mode would have done",
        "choice",
        choices=ACTIONS,
        example="guard.shadow:block",
    ),
    "prompt": Key(
        _elsewhere("ledger", "at_ns", "prompt", "prompt"),
        "prompt of an app, as name@version",
        example="prompt:support@*",
    ),
    "name": Key(_any_span(fits("name", "name")), "name of any span in it"),
    "error": _text("error_code", "error code", "error"),
    "http_status": _amount("http_status", _count, "HTTP status", "http_status:>=500"),
    "stop": _text("stop", "why the model stopped"),
    "stream": Key(_flag("stream", "stream"), "streamed or not", "choice", choices=_ENDS),
    "cost": Key(
        compiled_money, "money, as the project shows it or in dollars", "number", "toString(cost)", example=COST
    ),
    "duration": _amount("duration_ns", _nanoseconds, "how long it took", "duration:>500ms or duration:>=2s"),
    "ttft": _amount("ttft_ns", _nanoseconds, "to the first token", "ttft:>500ms or ttft:>=2s", "toString(ttft_ns)"),
    "tokens": _amount(TOKENS, _count, "tokens in all", "tokens:>1000 or tokens:>1k"),
    "input": _amount("input_tokens", _count, "input tokens that were not cached", "input:>1k"),
    "cached": _amount("cache_read_tokens", _count, "input tokens read from a cache", "cached:>0"),
    "output": _amount("output_tokens", _count, "output tokens", "output:>1k"),
    "reasoning": _amount("reasoning_tokens", _count, "reasoning tokens", "reasoning:>0"),
    "attempts": _amount("attempts", _count, "calls of providers it took", "attempts:>1"),
    "fallbacks": _amount("fallbacks", _count, "providers that were passed over", "fallbacks:>0"),
    "estimated": Key(_flag("tokens_estimated", "estimated"), "tokens were counted by us", "choice", choices=_ENDS),
    "started": Key(_started, "when it began, UTC", "time", example="started:>2026-11-21"),
    "price": _text("price", "row of the price book"),
    "trace": _text("trace_id", "trace id", "trace"),
    "span": Key(_any_span(fits("span_id", "span")), "span id"),
    "request": Key(_any_span(fits("request_id", "request")), "request id of a call in it", column="request_id"),
}
"""Every key, as they are offered; ``has``, ``feedback``, ``score.<name>`` and ``meta.<name>`` besides."""


def presence(key: str, values: Values) -> str | None:
    """SQL for ``has:key``: that there is a value. None where there always is one, or no such key."""
    if key in ("tool", "agent", "convention", "prompt"):
        return KEYS[key].compile(values, Term("*", 1))
    found = KEYS.get(key)
    if found is None or not found.column or key == "status":
        return None
    if found.array:
        return f"notEmpty({found.column})"
    return f"ifNull({found.column}, '') != ''"
