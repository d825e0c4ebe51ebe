"""Which attempts a question about costs is of: the search language (`query.py`) over the ledger's columns.

    feature:chat -provider:lab model:gpt-4o* tag:(beta OR red) cost:>0.01 outcome:error

Only keys: what was said is found among traces. Money is meant as the project shows it, as there. Every value is bound,
never written into the SQL.
"""

import difflib
from collections.abc import Callable
from decimal import Decimal, DecimalException
from typing import Final

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.search import slips
from trimtab.telemetry.search.keys import forwards, key_named, money_named
from trimtab.telemetry.search.language import Clause, Node, Term, parse
from trimtab.telemetry.search.query import Condition, window_params
from trimtab.telemetry.stores import MoneyNamed, Value
from trimtab.telemetry.views import Window

TIER: Final = "if(tier = '', 'standard', tier)"
OUTCOMES: Final = ("answer", "error", "cancel", "crash")
_INT64: Final = (1 << 63) - 1
TOKENS: Final = "(input_tokens + cache_read_tokens + cache_write_tokens + output_tokens + reasoning_tokens)"

Bind = Callable[[Value], str]
Compile = Callable[[Bind, Term], str]


def _text(*columns: str) -> Compile:
    """Any of the columns is it, or fits the pattern; a lone ``*`` means that there is a value."""

    def compiled(bind: Bind, term: Term) -> str:
        _equal(term)
        if term.quoted or "*" not in term.text:
            tests = [f"{column} = {bind(term.text)}" for column in columns]
        elif not term.text.strip("*"):
            tests = [f"{column} != ''" for column in columns]
        else:
            tests = [f"{column} LIKE {bind(_pattern(term.text))}" for column in columns]
        return " OR ".join(tests)

    return compiled


def _key(bind: Bind, term: Term) -> str:
    """By the id of an API key, or by its name."""
    by_id = _text("key_id")(bind, term)
    named = key_named(term)
    return by_id if named is None else f"{by_id} OR key_id IN {bind(named)}"


def _tag(bind: Bind, term: Term) -> str:
    _equal(term)
    if term.quoted or "*" not in term.text:
        return f"has(tags, {bind(term.text)})"
    return f"arrayExists(tag -> tag LIKE {bind(_pattern(term.text))}, tags)"


def _outcome(bind: Bind, term: Term) -> str:
    _equal(term)
    if term.text not in OUTCOMES:
        raise _wrong(term.at, f"{term.text} is no outcome", f"Use one of: {', '.join(OUTCOMES)}.")
    return f"outcome = {bind(term.text)}"


def _flag(sql: str) -> Compile:
    def compiled(bind: Bind, term: Term) -> str:
        del bind
        _equal(term)
        if term.text not in ("true", "false", "yes", "no"):
            raise _wrong(term.at, f"{term.text} is neither true nor false", "Write true or false.")
        return sql if term.text in ("true", "yes") else f"NOT ({sql})"

    return compiled


def _number(sql: str, example: str) -> Compile:
    def read(text: str, at: int) -> Decimal:
        try:
            number = Decimal(text)
        except DecimalException:  # no number, or one beyond what a decimal can be
            number = Decimal("NaN")
        if not number.is_finite() or abs(number) >= _INT64:
            raise _wrong(at, f"{text} is not a number that can be asked for", f"Write {example}.")
        return number

    def compared(bind: Bind, op: str, number: Decimal) -> str:
        floor = int(number.to_integral_value(rounding="ROUND_FLOOR"))
        whole = number == floor
        if op == "=":
            return f"{sql} = {bind(floor)}" if whole else "0"
        return f"{sql} {op} {bind(floor if whole or op in ('>', '<=') else floor + 1)}"

    def compiled(bind: Bind, term: Term) -> str:
        if term.op != "..":
            return compared(bind, term.op, read(term.text, term.at))
        ends = [(op, read(text, term.at)) for op, text in ((">=", term.text), ("<=", term.until)) if text]
        forwards(term, [number for _, number in ends])
        return " AND ".join(compared(bind, op, number) for op, number in ends)

    return compiled


def _money(sql: str, key: str) -> Compile:
    """As among traces: an amount is meant as the project shows money, or names its currency."""
    example = f"{key}:>0.01 (as the project shows money) or {key}:>0.01USD"

    def compiled(bind: Bind, term: Term) -> str:
        return " AND ".join(f"{sql} {op} {bind(money)}" for op, money in money_named(term, example))

    return compiled


KEYS: Final[dict[str, Compile]] = {
    "model": _text("model", "model_used", "model_name", "asked"),
    "asked": _text("asked"),
    "name": _text("model_name"),
    "provider": _text("provider"),
    "feature": _text("feature"),
    "segment": _text("segment"),
    "user": _text("user"),
    "session": _text("session"),
    "key": _key,
    "tag": _tag,
    "app": _text("app"),
    "release": _text("release"),
    "environment": _text("environment"),
    "prompt": _text("prompt"),
    "outcome": _outcome,
    "price": _text("price"),
    "tier": _text(TIER),
    "asked_tier": _text("tier_asked"),
    "repricing": _text("repricing"),
    "trace": _text("trace_id"),
    "request": _text("request_id"),
    "final": _flag("final = 1"),
    "estimated": _flag("tokens_estimated = 1"),
    "priced": _flag("cost IS NOT NULL"),
    "cost": _money("cost", "cost"),
    "told": _flag("cost_told IS NOT NULL"),
    "difference": _money("(cost_told - cost_counted)", "difference"),
    "searches": _number("(searches + file_searches)", "searches:>0"),
    "tokens": _number(TOKENS, "tokens:>1000"),
    "input": _number("(input_tokens + cache_read_tokens + cache_write_tokens)", "input:>32000"),
}
"""Every key, in the order in which they are offered."""


def compile_costs(q: str, project: str, window: Window) -> Condition:
    """The condition for ledger rows; project and window are always part of it. Raises `InvalidRequest`."""
    params: dict[str, Value] = {"project": project, **window_params(window)}

    def bind(value: Value) -> str:
        name = f"c{len(params)}"
        params[name] = value
        kind = (
            "Int64" if isinstance(value, int | MoneyNamed) else "String" if isinstance(value, str) else "Array(String)"
        )
        return f"{{{name}:{kind}}}"

    parts = ["project = {project:String} AND at_ns >= {start_ns:Int64} AND at_ns < {end_ns:Int64}"]
    tree = parse(q)
    slips.check(tree, KEYS.__contains__)
    parts += [_compile(bind, part) for part in tree.parts]
    return Condition(" AND ".join(parts), params)


def _compile(bind: Bind, node: Node) -> str:
    """What is not known (null) is not so; left out is everything but what is so."""
    if isinstance(node, Clause):
        found = _clause(bind, node)
    else:
        found = (" AND " if node.every else " OR ").join(_compile(bind, part) for part in node.parts) or "1"
    return f"{'NOT ' if node.negated else ''}ifNull(({found}), 0)"


def _clause(bind: Bind, clause: Clause) -> str:
    if not clause.key:
        raise _wrong(clause.at, "costs are filtered by keys, not by words", f"Keys are {', '.join(KEYS)}.")
    if clause.key not in KEYS:
        near = difflib.get_close_matches(clause.key, KEYS, n=1)
        hint = f"Did you mean {near[0]}:? " if near else ""
        raise _wrong(clause.at, f"there is no key {clause.key}:", f"{hint}Keys are {', '.join(KEYS)}.")
    return " OR ".join(KEYS[clause.key](bind, term) for term in clause.terms)


def _equal(term: Term) -> None:
    if term.op != "=":
        raise _wrong(term.at, f"text cannot be compared with {term.op}", "Write key:value or key:val*.")


def _pattern(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%")


def _wrong(position: int, what: str, fix: str) -> InvalidRequest:
    return InvalidRequest(f"The filter does not parse: at position {position}, {what}.", fix=fix, param="q")
