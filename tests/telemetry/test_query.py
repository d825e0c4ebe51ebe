"""The search language: what it means, what it refuses, and that nothing typed ever becomes SQL."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from makings import day

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.search.language import MAX_CLAUSES, MAX_LENGTH, Clause, Group, Term, clauses_of, parse
from trimtab.telemetry.search.query import KEYS, compile_query
from trimtab.telemetry.views import Window

HOSTILE = [
    "' OR 1=1 --",
    "'); DROP TABLE spans; --",
    "\\' OR project != '",
    "{project:String}",
    "{q0:String}",
    "`spans`",
    "/* x */ UNION SELECT",
    "%_\\",
    "\0\n\t",
    "x} SETTINGS readonly=0 {",
]


def test_clauses_values_operators_and_phrases_are_read() -> None:
    assert parse('model:gpt* -status:ok cost:>0.01 model:(a OR "b c") "refund policy" plain').parts == (
        Clause("model", (Term("gpt*", 7),), 1),
        Clause("status", (Term("ok", 20),), 12, negated=True),
        Clause("cost", (Term("0.01", 28, ">"),), 23),
        Clause("model", (Term("a", 41), Term("b c", 46, "=", quoted=True)), 34),
        Clause("", (Term("refund policy", 53, "=", quoted=True),), 53),
        Clause("", (Term("plain", 69),), 69),
    )


def test_nothing_is_a_search_for_everything() -> None:
    assert parse("") == parse("  \n ") == Group(True, ())


def test_conditions_are_joined_left_out_and_grouped() -> None:
    a, b, c = (Clause("", (Term(text, at),), at) for text, at in (("a", 1), ("b", 6), ("c", 8)))
    assert parse("a OR b c") == Group(True, (Group(False, (a, Group(True, (b, c)))),))
    assert parse("a AND (b)").parts == (a, Clause("", (Term("b", 8),), 8))
    assert parse("NOT a").parts == (Clause("", (Term("a", 5),), 1, negated=True),)
    (group,) = parse("-(a OR b)").parts
    assert isinstance(group, Group)
    assert (group.negated, len(group.parts)) == (True, 1)
    assert [clause.terms[0].text for clause in clauses_of(parse('"OR" or'))] == ["OR", "or"]


def test_ranges_are_read() -> None:
    (clause,) = parse("cost:0.1..2").parts
    assert clause == Clause("cost", (Term("0.1", 6, "..", until="2"),), 1)
    assert [clause.terms[0].until for clause in clauses_of(parse("tokens:1k.. tokens:..5"))] == ["", "5"]


def test_a_backslash_takes_a_quote_literally() -> None:
    (clause,) = parse(r'user:"a \"b\" \\ c\d"').parts
    assert clause == Clause("user", (Term(r'a "b" \ c\d', 6, "=", quoted=True),), 1)


def test_a_lone_dash_is_text() -> None:
    assert [clause.terms[0].text for clause in clauses_of(parse("a - b"))] == ["a", "-", "b"]


@pytest.mark.parametrize(
    ("q", "position", "hint"),
    [
        ("mdel:x", 1, "Did you mean model:"),
        ("a model:", 9, "Write model:value"),
        ('a "open', 3, "End the phrase"),
        ("model:(a b)", 10, "OR"),
        ("model:(a OR )", 13, "Write model:(a OR b)"),
        ("model:(a", 7, "Write model:(a OR b)"),
        ("status:great", 8, "ok, error, cancelled, running"),
        ("kind:robot", 6, "llm"),
        ("cost:>much", 6, "cost:>0.01"),
        ("duration:5h", 10, "duration:>500ms"),
        ("tokens:nan", 8, "tokens:>1000"),
        ("cost:1e400", 6, "cost"),
        ("model:>x", 7, "model:value"),
        ("stream:maybe", 8, "stream:true"),
        ("a )", 3, "Quote text"),
        ('""', 1, "Write a word"),
        ("a OR", 5, "quote it"),
        ("OR a", 1, "quote it"),
        ("a AND", 6, "quote it"),
        ("()", 2, "quote it"),
        ("(a", 1, "(a OR b)"),
        ("a NOT", 6, "-status:ok"),
        ("(" * 12 + "a", 12, "flatter"),
        ("cost:1..x", 6, "cost:>0.01"),
        ("started:>soon", 9, "started:2026-11-21"),
        ("started:2026-13-01", 9, "in UTC"),
        ("has:status", 5, "score.<name>"),
        ("has:mdel", 5, "has:model"),
        ("score.helpful:>x", 15, "score.helpful:>0.5"),
        ("score.helpful:>nan", 15, "score.helpful:>0.5"),
        ("meta.size:>x", 11, "meta.size:>0.5"),
        ("a meta.:x", 3, "meta.team:red"),
        ("metadata.:x", 1, "meta.team:red"),
        ("score.:1", 1, "score.helpful"),
        ("tokens:*", 8, "tokens:>1000"),
        ("cost:>*", 6, "cost:>0.01"),
        ('cost:"*"', 6, "cost:>0.01"),
    ],
)
def test_a_mistake_names_its_position_and_what_would_be_right(q: str, position: int, hint: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        compile_query(q, "p", day())
    assert caught.value.param == "q"
    assert f"at position {position}," in caught.value.message
    assert hint in caught.value.fix


def test_a_search_has_bounds() -> None:
    with pytest.raises(InvalidRequest, match="longer"):
        parse("x" * (MAX_LENGTH + 1))
    with pytest.raises(InvalidRequest, match="more than"):
        parse("a " * (MAX_CLAUSES + 1))


def test_project_and_window_are_always_part_of_the_condition() -> None:
    condition = compile_query("-model:x word kind:llm (score.a:>1 OR feedback:good) has:tool", "p", day())
    assert condition.sql.startswith("project = {project:String} AND entry = 1 AND start_ns >= {start_ns:Int64}")
    subqueries = re.findall(r"SELECT .*? WHERE [^)]*", condition.sql)
    assert len(subqueries) == 6
    for part in subqueries:
        assert "project = {project:String}" in part
        assert re.search(r"(start_ns|at_ns) >= \{start_ns:Int64\}", part)
    assert condition.params["project"] == "p"


words = st.text(max_size=12) | st.sampled_from(HOSTILE)
fragments = st.sampled_from(
    [
        *KEYS,
        "meta.team",
        "score.a",
        "has",
        "feedback",
        "nokey",
        "meta.",
        "-",
        ":",
        "(",
        ")",
        " OR ",
        " AND ",
        "NOT ",
        '"',
        "\\",
        "*",
        ">",
        "<=",
        "..",
        "2026-11",
        " ",
    ]
)


@given(st.lists(fragments | words, max_size=12).map("".join))
@example("meta.:x")
@example("-")
@example('-"')
@example("cost:>-0")
@example("ttft:--1")
@example("cost:Infinity")
@example("cost:sNaN")
def test_any_text_is_read_or_refused_with_a_reason(q: str) -> None:
    try:
        condition = compile_query(q, "p", day())
    except InvalidRequest as error:
        refused = (error.param, bool(error.fix))
    else:
        refused = ("q", True)
        assert set(re.findall(r"\{(\w+):", condition.sql)) <= set(condition.params)
    assert refused == ("q", True)


@given(st.sampled_from([*KEYS, "meta.team", "score.a", "feedback", ""]), words.filter(lambda text: text.strip() != ""))
@example("guard", "\\' OR project != '")
@example("guard.unread", "a_b/* x */")
def test_what_is_typed_is_only_ever_a_parameter(key: str, value: str) -> None:
    """The SQL of a query depends on its shape alone, never on the words in it."""
    quoted = '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    try:
        condition = compile_query(f"{key}:{quoted}" if key else quoted, "p", day())
    except InvalidRequest:
        return
    plain = re.sub(r"\{\w+:(String|Int64|Float64)\}", "?", condition.sql)
    allowed = _shapes(key)
    assert plain in allowed or (key == "" and _is_text_search(plain))
    if key and (key not in KEYS or KEYS[key].shape == "text"):
        literal = re.sub(r"([\\%_])", r"\\\1", value).replace("*", "%")  # as LIKE is given the name of a guard
        told = [re.sub(r"(\|%\|unread)?\|%$", "", str(each)) for each in condition.params.values()]
        assert value in told or literal in told


def _is_text_search(plain: str) -> bool:
    head = _BASE + " AND (trace_id IN (SELECT trace_id FROM span_io WHERE " + _SCOPE
    tests = r"( AND (text LIKE \?|position\(text, \?\) > 0))+"
    return re.fullmatch(re.escape(head) + tests + re.escape(_TAIL), plain) is not None


_BASE = "project = ? AND entry = 1 AND start_ns >= ? AND start_ns < ?"
_SCOPE = "project = ? AND start_ns >= ? AND start_ns < ? + 3600000000000"
_TAIL = ") OR positionCaseInsensitiveUTF8(error_message, ?) > 0)"


def _shapes(key: str) -> set[str]:
    samples = {"number": ("1", "0.5e-13"), "time": ("2026",), "text": ("x",)}
    known = KEYS.get(key, KEYS["model"])
    values = known.choices or samples[known.shape]
    queries = [f'{key}:"{value}"' if key else '"x"' for value in values]
    return {re.sub(r"\{\w+:(String|Int64|Float64)\}", "?", compile_query(q, "p", day()).sql) for q in queries}


@pytest.mark.parametrize(
    ("q", "looked_up"), [('"is it so"', []), ('"to be refunded"', ["%refunded%"]), ("so", ["%so%"]), ('"so"', ["%so%"])]
)
def test_only_runs_that_rule_something_out_are_looked_up_in_the_index(q: str, looked_up: list[str]) -> None:
    condition = compile_query(q, "p", Window(start=0, end=1))
    found = [value for value in condition.params.values() if isinstance(value, str) and value.startswith("%")]
    assert found == looked_up
    assert ("position(text" in condition.sql) == (" " in q)


def test_every_key_is_told_of_in_the_docs_and_in_the_console() -> None:
    root = Path(__file__).parents[2]
    told = (root / "docs" / "search.md").read_text()
    shown = (root / "console" / "src" / "search" / "keys.ts").read_text()
    assert [key for key in KEYS if f"`{key}`" not in told] == []
    assert [key for key in KEYS if f'key: "{key}"' not in shown] == []
