"""Completion: what is offered where the cursor is, and that it takes the place of what was typed."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makings import day
from searching import CANARY, Asking

from trimtab.telemetry.search.complete import Completion, complete, literal, typed
from trimtab.telemetry.search.keys import KEYS
from trimtab.telemetry.search.language import Clause, parse
from trimtab.telemetry.views import SpanRow


def offered(asking: Asking, q: str, cursor: int | None = None, **more: Any) -> Completion:
    at = len(q) if cursor is None else cursor
    return asking.run(complete(asking.reader, asking.ours, q, at, day(), **more))


def labels(found: Completion) -> list[str]:
    return [item.label for item in found.items]


def test_keys_come_first_and_by_what_they_mean(asking: Asking) -> None:
    assert labels(offered(asking, "mod")) == ["model:", "model_used:", "guard.shadow:", "stop:"]
    assert labels(offered(asking, "dollar")) == ["cost:"]
    assert labels(offered(asking, "-sta"))[:2] == ["-status:", "-started:"]
    assert len(offered(asking, "").items) == 20
    assert labels(offered(asking, "a O"))[-1] == "OR"


def test_values_come_with_how_often_they_occur(asking: Asking, rows: list[SpanRow]) -> None:
    counted = Counter(row.model for row in rows)
    found = offered(asking, "model:")
    assert {item.label: item.count for item in found.items} == dict(counted)
    assert [item.count for item in found.items] == sorted(counted.values(), reverse=True)
    assert set(labels(offered(asking, "model:MINI"))) == {"gpt-4o-mini"}
    assert labels(offered(asking, "tag:night"))[0] == "night shift"
    assert offered(asking, "tag:night").items[0].text == '"night shift"'


def test_the_rest_of_the_search_narrows_what_is_offered(asking: Asking, rows: list[SpanRow]) -> None:
    counted = Counter(row.model for row in rows if row.user == "user-1")
    found = offered(asking, "model: user:user-1", 6)
    assert {item.label: item.count for item in found.items} == dict(counted)


def test_metadata_scores_choices_and_signs(asking: Asking) -> None:
    assert set(labels(offered(asking, "meta."))) == {"meta.only:", "meta.size:", "meta.team:"}
    assert set(labels(offered(asking, "meta.team:"))) == {"a", "b"}
    assert set(labels(offered(asking, "score."))) == {"score.helpful:", "score.thumb:", "score.tone:"}
    assert set(labels(offered(asking, "score.tone:k"))) == {"kind"}
    assert labels(offered(asking, "status:")) == ["ok", "error", "cancelled", "running"]
    assert labels(offered(asking, "cost:")) == [">", "<", ">=", "<="]
    assert "error" in labels(offered(asking, "has:"))
    assert offered(asking, "nokey:").items == []


def test_of_spans_values_are_those_of_spans(asking: Asking) -> None:
    assert "gpt-4o-mini" in labels(offered(asking, "model:gpt", of="spans"))
    assert labels(offered(asking, "name:", of="spans"))


@pytest.mark.parametrize(
    ("q", "cursor", "expected"),
    [
        ("status:ok mod", 13, (10, 13, "", None, "mod")),
        ("-model:gp", 9, (7, 9, "-", "model", "gp")),
        ('user:"two wo', 12, (5, 12, "", "user", "two wo")),
        ("model:(a OR b", 13, (12, 13, "", "model", "b")),
        (r'user:"a \"b\\ c', 15, (5, 15, "", "user", 'a "b\\ c')),
        ('user:"a OR b', 12, (5, 12, "", "user", "a OR b")),
        ('user:("(x" OR "a (b', 19, (14, 19, "", "user", "a (b")),
        ("(mod", 4, (1, 4, "", None, "mod")),
        ("(a OR model:x) b", 13, (12, 13, "", "model", "x")),
        ("mod status:ok", 2, (0, 3, "", None, "mo")),
        ("done ", 5, (5, 5, "", None, "")),
    ],
)
def test_the_word_under_the_cursor_is_found(q: str, cursor: int, expected: tuple[Any, ...]) -> None:
    found = typed(q, cursor)
    assert (found.start, found.end, found.sign, found.key, found.text) == expected


@given(st.text(max_size=30))
def test_a_value_that_is_offered_means_itself(value: str) -> None:
    (clause,) = parse(f"user:{literal(value)}").parts
    assert isinstance(clause, Clause)
    (term,) = clause.terms
    assert (term.text, term.op) == (value, "=")
    assert term.quoted or "*" not in value


@given(
    st.lists(st.sampled_from([*KEYS, "meta.", "score.", ":", "(", ")", '"', "\\", " ", "OR", "-", ">"]), max_size=8),
    st.data(),
)
def test_completion_is_within_the_text_whatever_it_is(parts: list[str], data: st.DataObject) -> None:
    q = "".join(parts)
    cursor = data.draw(st.integers(min_value=0, max_value=len(q) + 3))
    found = typed(q, cursor)
    assert 0 <= found.start <= min(cursor, len(q)) <= found.end <= len(q)


@pytest.mark.parametrize(
    "q",
    [f"{key}:" for key in KEYS] + ["meta.", "score.", "meta.team:", "meta.only:", "score.tone:", "feedback:", "kan"],
)
def test_nothing_of_another_project_is_ever_offered(asking: Asking, q: str) -> None:
    for word in (q, q + "k", q + CANARY):
        for of in ("traces", "spans"):
            assert CANARY not in "".join(item.text for item in offered(asking, word, of=of).items)
