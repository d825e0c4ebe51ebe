"""Keys by their names in searches: the store holds ids, the catalog names, and neither shows another project's."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from makings import day
from searching import Asking

from trimtab.core.errors import InvalidRequest
from trimtab.telemetry import key_names
from trimtab.telemetry.costs.explorer import Costs
from trimtab.telemetry.key_names import NamedKey, NoNames, bound
from trimtab.telemetry.search.aggregate import Aggregation, aggregate
from trimtab.telemetry.search.complete import complete
from trimtab.telemetry.search.keys import key_named
from trimtab.telemetry.search.language import Term
from trimtab.telemetry.stores import KeyNamed
from trimtab.telemetry.views import SpanRow

NAMED = [
    NamedKey("key_1", "my-app"),
    NamedKey("key_2", "my app (old)", ended=True),
    NamedKey("key_3", "my-app"),
    NamedKey("key_4", "never called"),
]


class Names(NoNames):
    """What the catalog would say: of ours alone."""

    def __init__(self, ours: str) -> None:
        self._ours = ours

    async def of(self, project: str) -> list[NamedKey]:
        return NAMED if project == self._ours else []


@pytest.fixture(autouse=True)
def named(asking: Asking) -> None:
    asking.reader.key_names = Names(asking.ours)


@pytest.mark.parametrize(
    ("q", "keys"),
    [
        ("key:my-app", {"key_1", "key_3"}),
        ("key:my-*", {"key_1", "key_3"}),
        ('key:"my app (old)"', {"key_2"}),
        ("key:my*", {"key_1", "key_2", "key_3"}),
        ("key:(key_2 OR my-app)", {"key_1", "key_2", "key_3"}),
        ("-key:my-app", {"key_2"}),
        ("key:key_*", {"key_1", "key_2", "key_3"}),
        ("key:*", {"key_1", "key_2", "key_3"}),
        ('key:"my*"', set[str]()),
        ("key:app", set[str]()),
        ('key:"never called"', set[str]()),
    ],
)
def test_a_key_is_found_by_its_name_as_by_its_id(asking: Asking, rows: list[SpanRow], q: str, keys: set[str]) -> None:
    found = asking.run(asking.reader.traces(asking.ours, q, day(), None, 500)).rows
    assert {row.key_id for row in found} == keys
    assert len(found) == sum(row.key_id in keys for row in rows)


def test_every_question_knows_them(asking: Asking, rows: list[SpanRow]) -> None:
    wanted = sum(row.key_id == "key_2" for row in rows)
    q = 'key:"my app (old)"'
    counted = asking.run(aggregate(asking.reader, asking.ours, q, day(), Aggregation(metrics=["count"])))
    assert [group.values for group in counted.groups] == [[wanted]]
    facets = {each.key: each.values for each in asking.run(asking.reader.facets(asking.ours, q, day()))}
    assert [(value.value, value.count) for value in facets["key"]] == [("key_2", wanted)]
    costs = asking.run(Costs(asking.reader).report(asking.ours, q, day(), "key"))
    assert [group.group for group in costs.groups] == ["key_2"]


def test_a_name_is_of_its_own_project(asking: Asking) -> None:
    assert asking.run(asking.reader.traces(asking.theirs, "key:my-app", day(), None, 500)).rows == []


def test_names_are_offered_with_how_often_they_called(asking: Asking, rows: list[SpanRow]) -> None:
    def offered(q: str) -> dict[str, tuple[str, int | None, str]]:
        found = asking.run(complete(asking.reader, asking.ours, q, len(q), day()))
        return {item.label: (item.text, item.count, item.about) for item in found.items}

    ours = sum(row.key_id in ("key_1", "key_3") for row in rows)
    old = len(rows) - ours
    both = {
        "my-app": ("my-app", ours, "2 keys of this name"),
        "my app (old)": ('"my app (old)"', old, "key_2, revoked"),
    }
    assert offered("key:") == both
    assert offered("key:OLD") == {"my app (old)": both["my app (old)"]}
    assert offered("key:key_3") == {"my-app": both["my-app"]}
    assert offered("key:other") == {}


def test_an_id_asks_no_catalog_for_its_name() -> None:
    assert key_named(Term("key_" + "0a" * 16, 1)) is None
    assert key_named(Term("*", 1)) is None
    assert key_named(Term("*", 1, quoted=True)) == KeyNamed("*")
    assert key_named(Term("key_x*", 1)) == KeyNamed("key_x*", wild=True)


def test_too_many_keys_are_refused_with_what_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_names, "MOST", 1)
    params: Mapping[str, Any] = {"project": "p", "q0": KeyNamed("my-*", wild=True), "n": 1}
    with pytest.raises(InvalidRequest, match="names 2 keys") as caught:
        asyncio.run(bound(params, cast("Any", Names("p"))))
    assert caught.value.param == "q"


def test_many_stars_cost_no_more_than_few() -> None:
    """Who may search a project sends them, and everybody in the worker would wait."""
    names = cast("Any", Names("p"))

    def found(text: str) -> str:
        return asyncio.run(bound({"project": "p", "q0": KeyNamed(text, wild=True)}, names))["q0"]

    begun = time.process_time()
    assert found("*" * 200 + "x") == "[]"
    assert found("m*y*a*p*" * 20 + "p") == "[]"
    assert found("*" * 200 + "old)") == "['key_2']"
    assert time.process_time() - begun < 1.0


@given(st.text("ab*", max_size=8).filter(lambda text: "*" in text), st.text("ab", max_size=8))
def test_a_star_stands_for_anything(text: str, name: str) -> None:
    class One(NoNames):
        async def of(self, project: str) -> list[NamedKey]:
            return [NamedKey("key_1", name)]

    wanted = re.fullmatch(text.replace("*", ".*"), name) is not None
    found = asyncio.run(bound({"project": "p", "q0": KeyNamed(text, wild=True)}, One()))["q0"]
    assert found == ("['key_1']" if wanted else "[]")
