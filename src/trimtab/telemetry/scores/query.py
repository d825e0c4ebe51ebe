"""What may be asked of scores, in the search language: ``name:helpful value:<0.5 source:(human OR llm) "too short"``.

Bare text looks into explanations and labels. Only keys of the table below choose columns, values are placeholders.
"""

import math
from collections.abc import Callable
from typing import Final, get_args

from trimtab.telemetry.scores.types import Source, Target
from trimtab.telemetry.search import slips
from trimtab.telemetry.search.keys import forwards
from trimtab.telemetry.search.language import Clause, Node, Term, parse, wrong
from trimtab.telemetry.search.query import Condition, window_params
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

Bind = Callable[[str, str], str]
"""From a value and its type to a placeholder."""
Compile = Callable[[Bind, Term], str]


def compile_scores(q: str, project: str, window: Window) -> Condition:
    """The condition for scores; project and window are always part of it. Raises `InvalidRequest`."""
    params: dict[str, Value] = {"project": project, **window_params(window)}

    def bind(value: str, kind: str) -> str:
        name = f"s{len(params)}"
        params[name] = value
        return f"{{{name}:{kind}}}"

    parts = ["project = {project:String} AND at_ns >= {start_ns:Int64} AND at_ns < {end_ns:Int64}"]
    tree = parse(q)
    slips.check(tree, KEYS.__contains__)
    parts += [_compile(bind, part) for part in tree.parts]
    return Condition(" AND ".join(parts), params)


def _compile(bind: Bind, node: Node) -> str:
    if isinstance(node, Clause):
        found = _clause(bind, node)
    else:
        found = f"({(' AND ' if node.every else ' OR ').join(_compile(bind, part) for part in node.parts) or '1'})"
    return f"NOT ifNull({found}, 0)" if node.negated else found


def _clause(bind: Bind, clause: Clause) -> str:
    compiled = _said if not clause.key else KEYS.get(clause.key)
    if compiled is None:
        raise wrong(clause.at, f"there is no key {clause.key}:", f"Keys of scores are {', '.join(KEYS)}.")
    return f"({' OR '.join(compiled(bind, term) for term in clause.terms)})"


def _text(column: str) -> Compile:
    def compiled(bind: Bind, term: Term) -> str:
        _equal(term, column)
        if term.quoted or "*" not in term.text:
            return f"{column} = {bind(term.text, 'String')}"
        escaped = term.text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        return f"{column} LIKE {bind(escaped.replace('*', '%'), 'String')}"

    return compiled


def _choice(column: str, choices: tuple[str, ...]) -> Compile:
    def compiled(bind: Bind, term: Term) -> str:
        _equal(term, column)
        if term.text not in choices:
            raise wrong(term.at, f"{term.text} is no {column}", f"Use one of: {', '.join(choices)}.")
        return f"{column} = {bind(term.text, 'String')}"

    return compiled


def _value(bind: Bind, term: Term) -> str:
    if term.op != "..":
        return f"value {term.op} {bind(_number(term.text, term.at), 'Float64')}"
    ends = [(op, _number(text, term.at)) for op, text in ((">=", term.text), ("<=", term.until)) if text]
    forwards(term, [float(number) for _, number in ends])
    return " AND ".join(f"value {op} {bind(number, 'Float64')}" for op, number in ends)


def _number(text: str, at: int) -> str:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise wrong(at, f"{text} is no number", "Write value:<0.5 or value:0..1.")
    return repr(number)


def _said(bind: Bind, term: Term) -> str:
    text = bind(term.text if term.quoted else term.text.strip("*"), "String")
    return " OR ".join(f"positionCaseInsensitiveUTF8({column}, {text}) > 0" for column in ("explanation", "label"))


def _equal(term: Term, key: str) -> None:
    if term.op != "=":
        raise wrong(term.at, f"{key} is text and cannot be compared with {term.op}", f"Write {key}:value.")


KEYS: Final[dict[str, Compile]] = {
    "name": _text("name"),
    "value": _value,
    "label": _text("label"),
    "source": _choice("source", get_args(Source)),
    "target": _choice("target", get_args(Target)),
    "trace": _text("trace_id"),
    "span": _text("span_id"),
    "session": _text("session"),
    "evaluator": _text("evaluator"),
    "author": _text("author"),
    "id": _text("id"),
}
"""Every key, in the order in which they are offered."""
