"""Searches that would be read as something else than what was typed: each is refused, with what would be right."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makings import day

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry.costs.query import compile_costs
from trimtab.telemetry.scores.query import compile_scores
from trimtab.telemetry.search.complete import literal
from trimtab.telemetry.search.language import Clause, clauses_of, parse
from trimtab.telemetry.search.query import compile_query


@pytest.mark.parametrize(
    ("q", "position", "hint"),
    [
        ("duration:>2 s", 13, "Write duration:>2s."),
        ("duration:>2\u00a0s", 13, "Write duration:>2s."),
        ("duration:>2 seconds status:ok", 13, "Write duration:>2s."),
        ("ttft:<=1.5 min", 12, "Write ttft:<=1.5m."),
        ("duration:>2 h", 13, "Units are ns"),
        ("duration:1..2 s", 15, "Write duration:1..2s."),
        ("-duration:(1s OR 2) ms", 21, "Write duration:2ms."),
        ("status:ok OR duration:>2 s", 26, "duration:>2s"),
        ("(duration:>2 s)", 14, "duration:>2s"),
        ("cost:>1 USD", 9, "Write cost:>1USD."),
        ("cost:>1 $", 9, "Write cost:>1USD."),
        ("cost:>1 euros", 9, "Write cost:>1EUR."),
        ("cost:>1 SEK", 9, "Write cost:>1SEK."),
        ("tokens:>5 k", 11, "Write tokens:>5k."),
        ("tokens:>5 000", 11, "Write tokens:>5000."),
        ("score.helpful:<50 %", 19, "a half is 0.5"),
        ("cost:> 0.01", 7, "Write cost:>1 without a space."),
        ("cost:(> 0.01 OR 5)", 8, "without a space"),
        ("cost > 0.01", 1, "Write cost:value or cost:>1."),
        ("a cost >0.01", 3, "Write cost:value"),
        ("meta.team = red", 1, "meta.team:value"),
        ("model :gpt", 1, "model:value"),
        ("cost>0.01", 1, "Write cost:>0.01."),
        ("cost=>0.01", 1, "Write cost:>=0.01."),
        ("status!=ok", 1, "Write -status:ok."),
        ("model=gpt-4o", 1, "Write model:gpt-4o."),
        ("model==gpt-4o", 1, "Write model:gpt-4o."),
        ("meta.size>3", 1, "Write meta.size:>3."),
        ("http-status:500", 1, "Write http_status:500."),
        ("guard-action:block", 1, "Write guard.action:block."),
        ("!status:ok", 1, "Write -status:ok."),
        ("\u2013status:ok", 1, "Write -status:ok."),
        ("+status:ok", 1, "Write status:ok."),
        ("- status:ok", 1, "without a space"),
        ("a - (status:ok OR b)", 3, "without a space"),
        ("not status:ok", 1, "NOT, in capitals"),
        ("model:a or model:b", 9, "OR, in capitals"),
        ("model:a Or b", 9, "OR, in capitals"),
        ("a and status:ok", 3, "AND, in capitals"),
        ("model:a | model:b", 9, "Write OR"),
        ("a || b", 3, "Write a OR b"),
        ("a && b", 3, "Write a AND b"),
        ("started:2026-11-21 10:30", 20, "Write started:2026-11-21T10:30."),
        ("started:>=2026-11-21 10:30Z", 22, "Write started:>=2026-11-21T10:30Z."),
        ("started:>=2026-11-21 T10:30", 22, "contains a colon"),
        ("duration:1s.. 2s", 15, "Write duration:1s..2s "),
        ("duration:1s ..2s", 13, "Write duration:1s..2s "),
        ("started:2026-11-01 .. 2026-11-07", 20, "Write started:2026-11-01..2026-11-07 "),
        ("started:2026-11-01 ..2026-11-07", 20, "Write started:2026-11-01..2026-11-07 "),
        ("started:2026-11-01 - 2026-11-07", 20, "Write started:2026-11-01..2026-11-07 "),
        ("cost:1 to 5", 8, "Write cost:1..5 "),
        ("cost:5..1", 6, "Write 1..5."),
        ("cost:5USD..1USD", 6, "Write 1USD..5USD."),
        ("duration:2s..500ms", 10, "Write 500ms..2s."),
        ("tokens:2k..1k", 8, "Write 1k..2k."),
        ("score.helpful:1..0", 15, "Write 0..1."),
        ("meta.size:3..1", 11, "Write 1..3."),
        ("started:2026-11-07..2026-11-01", 9, "Write 2026-11-01..2026-11-07."),
        ("\u201crefund policy\u201d", 1, "straight ones"),
        ("user:\u201cann lee\u201d", 6, "straight ones"),
        ("model:!gpt", 7, "Write -model:gpt"),
        ("model:!=gpt", 7, "Write -model:gpt"),
        ("model:==gpt", 7, "Write model:gpt."),
        ("name:f(x)", 7, "Quote text that contains"),
        ('model:"a"b', 10, "Put a space"),
        ('ab"c d"', 3, "Put a space"),
        ("model:(a OR b)c", 15, "Put a space"),
    ],
)
def test_what_would_be_read_as_something_else_is_refused_with_what_would_be_right(
    q: str, position: int, hint: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        compile_query(q, "p", day())
    assert caught.value.param == "q"
    assert f"at position {position}," in caught.value.message
    assert hint in caught.value.fix


@pytest.mark.parametrize(
    "q",
    [
        'duration:>2 "s"',
        "duration:>2s s",
        "s duration:>2s",
        "a - b",
        "refund or exchange",
        "do not reply",
        "salt and pepper",
        "R & D",
        "->",
        "x=y",
        "a > b",
        "<div>",
        "5 000",
        "10:30",
        "status:ok 10:30",
        "wait ...",
        "status:ok wait...",
        'status:ok "or" refund',
        '"cost > 0.01"',
        '"model=x"',
        "it\u2019s",
        "model:=gpt",
        'model:"!gpt"',
        "meta.offset:-5",
        "(a)(b)",
        "NOT(a OR b)",
        "cost:1..1",
        "cost:5USD..1EUR",
        "-status:ok -(a OR b)",
        "cost:>1 invoice",
        "user:42 404",
        "meta.order:1234 404",
        "started:2026-11-01 invoice",
        "user:ann to",
        "Really!",
        "user:a=b",
    ],
)
def test_what_means_what_it_says_is_read(q: str) -> None:
    assert compile_query(q, "p", day()).sql


@pytest.mark.parametrize("q", ["duration:>2 s", "model:a or model:b", "- status:ok", "status!=ok", "user:!ann"])
def test_a_rule_that_was_stored_before_goes_on_as_it_was_read_then(q: str) -> None:
    """An upgrade would otherwise stop its destination, its queue or its scores."""
    with pytest.raises(InvalidRequest):
        compile_query(q, "p", day())
    assert compile_query(q, "p", day(), stored=True).sql


@pytest.mark.parametrize("value", ["!urgent", "\u201ctold\u201d", "=x", ">5", "a\u201d", "it!"])
def test_what_is_offered_as_a_value_is_taken(value: str) -> None:
    assert compile_query(f"meta.note:{literal(value)}", "p", day()).params["q1"] == value


def test_names_after_meta_and_score_keep_their_case_whatever_that_of_the_key() -> None:
    clauses = list(clauses_of(parse("Meta.Team:red METADATA.my-Key:x SCORE.Helpful:1 Model:a")))
    assert [clause.key for clause in clauses] == ["meta.Team", "meta.my-Key", "score.Helpful", "model"]


@pytest.mark.parametrize("compiled", [compile_costs, compile_scores])
def test_filters_of_costs_and_searches_of_scores_are_looked_at_as_well(compiled: object) -> None:
    assert callable(compiled)
    for q in ("name=x", "name:a or name:b", "\u201cname\u201d", "- name:a"):
        with pytest.raises(InvalidRequest, match="at position"):
            compiled(q, "p", day())
    with pytest.raises(InvalidRequest, match="ends before it begins"):
        compiled("value:2..1" if compiled is compile_scores else "tokens:2..1", "p", day())


_numbers = st.sampled_from(["duration", "ttft", "cost", "tokens", "output", "http_status", "score.a", "meta.size"])
_values = st.integers(1, 9_999).map(str)
_units = {"duration": ["", "ms", "s", "m"], "ttft": ["s"], "cost": ["", "USD", "EUR"], "tokens": ["", "k"]}
_times = st.sampled_from(["2026-11-21T10:30", "2026-11-21T10:30:15", ">=2026-11-21T08:00"]).map("started:{}".format)


@st.composite
def _conditions(draw: st.DrawFn) -> str:
    key = draw(_numbers)
    unit = draw(st.sampled_from(_units.get(key, [""])))
    if draw(st.booleans()):
        return f"{key}:{draw(st.sampled_from(['', '>', '<=', '=']))}{draw(_values)}{unit}"
    low, high = sorted((int(draw(_values)), int(draw(_values))))
    return f"{key}:{low}{unit}..{high}{unit}"


@given(_conditions() | _times, st.data())
def test_a_condition_with_a_space_in_it_is_refused_or_no_number_is_lost(q: str, data: st.DataObject) -> None:
    """A space behind the key, a sign, a number, a day, or beside the dots of a range: never words to look for."""
    assert compile_query(q, "p", day()).sql
    seams = [found.start() for found in re.finditer(r"(?<=[:<>=])(?=\d)|(?<=\d)(?=[a-zA-Z])|(?=\.\.)|(?<=\.\.)", q)]
    seams = [at for at in seams if not re.match(r"T?\d\d:", q[at - 1 :]) or q[at : at + 1] == "T"]
    if q.startswith("started:"):  # hours and minutes are no seams
        seams = [at for at in seams if at <= q.rfind("T")]
    at = data.draw(st.sampled_from(seams))
    with pytest.raises(InvalidRequest):
        compile_query(f"{q[:at]} {q[at:]}", "p", day())


@given(st.lists(_conditions(), min_size=2, max_size=4), st.sampled_from(["or", "Or", "and", "|", "&&"]))
def test_conditions_joined_by_what_joins_elsewhere_are_refused(conditions: list[str], join: str) -> None:
    assert all(isinstance(part, Clause) for part in parse(" ".join(conditions)).parts)
    with pytest.raises(InvalidRequest):
        compile_query(f" {join} ".join(conditions), "p", day())
