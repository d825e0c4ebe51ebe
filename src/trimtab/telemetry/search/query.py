"""The search language's meaning: a tree of clauses (`language.py`) becomes a condition with bound values.

    model:gpt* cost:>0.01 score.helpful:<0.5 "refund policy" -status:ok (user:ann OR meta.team:red) started:2026-11-01..

The keys are those of `search/keys.py`. A bare word or phrase is looked for, whatever its case, in everything that was
said. Every mistake is `InvalidRequest` with ``param="q"``. Nothing a person types ever becomes part of the SQL text:
only keys of the table choose columns, values are placeholders; project and window are part of every condition, and of
every subquery in it.
"""

import difflib
import re
from typing import Final

from msgspec import Struct

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.search import slips
from trimtab.telemetry.search.aggregate_views import Of
from trimtab.telemetry.search.keys import (
    KEYS,
    SCOPE,
    TOKENS,
    Compile,
    Values,
    feedback,
    metadata,
    pattern,
    presence,
    score,
)
from trimtab.telemetry.search.language import Clause, Node, Term, clauses_of, parse, wrong
from trimtab.telemetry.stores import Value
from trimtab.telemetry.views import Window

__all__ = ["KEYS", "TOKENS", "Condition", "compile_query", "window_params"]

_INT64: Final = (1 << 63) - 1


class Condition(Struct, frozen=True):
    """An SQL condition over ``spans`` and its placeholders' values. ``far``: it looks into another large table,
    texts or scores, so what is asked for is better looked for in a part of the window first."""

    sql: str
    params: dict[str, Value]
    far: bool = False


def compile_query(q: str, project: str, window: Window, of: Of = "traces", *, stored: bool = False) -> Condition:
    """The condition for entry spans (or for all spans); project and window are always part of it. Raises
    `InvalidRequest`. ``stored``: a rule's search, accepted when it was written; what has come to be refused as a slip
    since is read as it was then."""
    values = Values(of)
    entry = "entry = 1 AND " if of == "traces" else ""
    parts = [f"project = {{project:String}} AND {entry}start_ns >= {{start_ns:Int64}} AND start_ns < {{end_ns:Int64}}"]
    tree = parse(q)
    if not stored:
        slips.check(tree, _known)
    parts += [_compile(values, part) for part in tree.parts]
    params = {**values.params, "project": project, **window_params(window)}
    return Condition(" AND ".join(parts), params, any(_looks_far(clause) for clause in clauses_of(tree)))


def _known(key: str) -> bool:
    return key in KEYS or key in ("has", "feedback")


def _looks_far(clause: Clause) -> bool:
    if clause.key == "has":
        return any(term.text in ("score", "feedback") or term.text.startswith("score.") for term in clause.terms)
    return clause.key in ("", "feedback") or clause.key.startswith("score.")


def reads_words(sql: str) -> bool:
    """Whether a statement looks for bare text in what was said (`_said`), or in what explains scores
    (`scores/query.py`)."""
    return reads_texts(sql) or "UTF8(explanation, " in sql


def reads_texts(sql: str) -> bool:
    """The first of these: it needs the index of texts."""
    return "FROM span_io" in sql and ("text LIKE " in sql or "position(text, " in sql)


def window_params(window: Window) -> dict[str, Value]:
    """``start_ns`` and ``end_ns``, kept within what the store can count."""
    return {"start_ns": _ns(window.start), "end_ns": _ns(window.end)}


def _ns(milliseconds: int) -> int:
    # An hour below the end of the scale, so that adding an hour stays on it.
    return max(0, min(milliseconds * 1_000_000, _INT64 - 3_600_000_000_000))


def _compile(values: Values, node: Node) -> str:
    if isinstance(node, Clause):
        found = _clause(values, node)
    else:
        joined = (" AND " if node.every else " OR ").join(_compile(values, part) for part in node.parts)
        found = f"({joined})" if node.parts else "1"
    # What is not known (null) is not so; left out is everything but what is so.
    return f"NOT ifNull({found}, 0)" if node.negated else found


def _clause(values: Values, clause: Clause) -> str:
    if not clause.key:
        return _said(values, clause.terms[0])
    compiled = compile_of(clause)
    return "(" + " OR ".join(compiled(values, term) for term in clause.terms) + ")"


def compile_of(clause: Clause) -> Compile:
    """What a clause's key does with a value. Raises `InvalidRequest` where there is no such key."""
    key = clause.key
    if key in ("meta.", "score."):
        raise wrong(clause.at, f"{key} names nothing", "Write meta.team:red or score.helpful:<0.5.")
    if key.startswith("meta."):
        return metadata(key.removeprefix("meta."))
    if key.startswith("score."):
        return score(key.removeprefix("score."))
    if key == "feedback":
        return feedback
    if key == "has":
        return _has
    if key in KEYS:
        return _or_any(key) if KEYS[key].shape == "number" else KEYS[key].compile
    raise _unknown_key(clause)


def _or_any(key: str) -> Compile:
    """A number, compared; a lone ``*`` means that there is one at all, as it does of text."""

    def compile_term(values: Values, term: Term) -> str:
        if term.op != "=" or term.quoted or not term.text or term.text.strip("*"):
            return KEYS[key].compile(values, term)
        found = presence(key, values)
        if found is None:
            raise wrong(term.at, f"* says nothing of {key}:, which is a number", f"Write {KEYS[key].example}.")
        return found

    return compile_term


def _has(values: Values, term: Term) -> str:
    """``has:ttft``, ``has:meta.team``, ``has:score.helpful``, ``has:score``: there is a value of that key."""
    key = term.text if term.op == "=" else ""
    if key.startswith(("meta.", "score.")) and len(key.partition(".")[2]) > 0:
        return compile_of(Clause(key, (term,), term.at))(values, Term("*", term.at))
    if key in ("score", "feedback"):
        return (score("*") if key == "score" else feedback)(values, Term("*", term.at))
    found = presence(key, values)
    if found is None:
        known = ("score", "feedback", "score.<name>", "meta.<name>", *(name for name in KEYS if presence(name, values)))
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"Did you mean has:{near[0]}? " if near else ""
        raise wrong(term.at, f"{term.text} cannot be there or not", f"{hint}Write has: and one of {', '.join(known)}.")
    return found


def _unknown_key(clause: Clause) -> InvalidRequest:
    near = difflib.get_close_matches(clause.key, (*KEYS, "has", "feedback"), n=1)
    fix = f"Did you mean {near[0]}:? " if near else ""
    fix += (
        f"Keys are {', '.join(KEYS)}, has, feedback, score.<name> and meta.<name>; "
        "put text that contains a colon in quotes."
    )
    return wrong(clause.at, f"there is no key {clause.key}:", fix)


# What the index holds: runs between ASCII characters that are neither letter nor digit.
_RUNS = re.compile(r"[^\x00-/:-@\[-`{-\x7f]+")


TELLING: Final = 3
"""Characters from which a run of a phrase is looked up in the index: a shorter one is a part of some word of nearly
every text, and to find that out costs more than to read the texts."""


def _said(values: Values, term: Term) -> str:
    """Bare text. Each run of a phrase narrows by the inverted index; texts are read only where a phrase has more to it
    than one run, or ``*`` in it. What was said and a failure's own words are searched; previews are parts of what was
    said."""
    wanted = term.text if term.quoted else term.text.strip("*")
    phrase = wanted.lower()
    if not phrase.strip():
        raise wrong(term.at, "this phrase is empty", "Write a word to look for.")
    runs = list(dict.fromkeys(_RUNS.findall(phrase)))
    telling = [run for run in runs if len(run) >= TELLING or runs == [phrase]]
    tests = [f"text LIKE {values.bind(f'%{run}%')}" for run in telling]
    any_of = "" if term.quoted or "*" not in phrase else f"%{pattern(wanted)}%"
    if any_of:
        tests.append(f"text LIKE {values.bind(any_of.lower())}")
    elif runs != [phrase]:
        tests.append(f"position(text, {values.bind(phrase)}) > 0")
    where = f"FROM span_io WHERE {SCOPE} AND {' AND '.join(tests)}"
    failure = f"positionCaseInsensitiveUTF8(error_message, {values.bind(wanted)}) > 0"
    if any_of:
        failure = f"error_message ILIKE {values.bind(any_of)}"
    if values.of == "spans":
        return f"((trace_id, span_id) IN (SELECT trace_id, span_id {where}) OR {failure})"
    return f"(trace_id IN (SELECT trace_id {where}) OR {failure})"
