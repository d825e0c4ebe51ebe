"""What a snapshot says of a name is looked up once, and forgotten with the snapshot."""

import pytest

from trimtab.core.errors import NotFound
from trimtab.gateway.route import MAX_MODEL_NAME
from trimtab.gateway.snapshot import Snapshot
from trimtab.gateway.targets import Model, ProjectTargets, Provider
from trimtab.gateway.way import MOST_REMEMBERED, Ways, targets_of
from trimtab.governance.access import AccessTable

PROJECT = "prj_1"
LAB = Provider(name="lab", kind="custom", dialect="openai_chat", base_url="http://127.0.0.1:9/v1")


def snapshot(*models: Model) -> Snapshot:
    targets = ProjectTargets(providers={"lab": LAB}, models={each.name: each for each in models})
    return Snapshot(version=1, access=AccessTable(), targets={PROJECT: targets})


FAST = Model(name="fast", provider="lab", upstream="one", fallback=("slow",))
SLOW = Model(name="slow", provider="lab", upstream="two")


def test_a_name_is_looked_up_once_and_has_the_same_targets_each_time() -> None:
    ways, known = Ways(), snapshot(FAST, SLOW)
    way = ways.of(known, PROJECT, "fast")
    assert way.plain
    first = targets_of(way, known, PROJECT, "fast")
    assert [each.model.name for each in first] == ["fast", "slow"]
    assert ways.of(known, PROJECT, "fast") is way
    assert targets_of(way, known, PROJECT, "fast") is first


def test_another_snapshot_is_asked_anew() -> None:
    ways, before, after = Ways(), snapshot(FAST, SLOW), snapshot(FAST)
    assert len(targets_of(ways.of(before, PROJECT, "fast"), before, PROJECT, "fast")) == 2
    assert len(targets_of(ways.of(after, PROJECT, "fast"), after, PROJECT, "fast")) == 1


def test_a_name_that_means_nothing_is_refused_every_time() -> None:
    ways, known = Ways(), snapshot(FAST)
    for _ in range(2):
        with pytest.raises(NotFound, match="no model 'fats'"):
            targets_of(ways.of(known, PROJECT, "fats"), known, PROJECT, "fats")


def test_names_that_clients_make_up_do_not_fill_the_memory() -> None:
    ways, known = Ways(), snapshot(FAST)
    for number in range(MOST_REMEMBERED + 10):
        ways.of(known, PROJECT, f"made-up-{number}")
    long = "x" * (MAX_MODEL_NAME + 1)
    assert ways.of(known, PROJECT, long) is not ways.of(known, PROJECT, long)
    assert len(ways._known) <= MOST_REMEMBERED  # pyright: ignore[reportPrivateUsage]
