"""At most a share goes up: the hardest, and never more."""

import asyncio
import random
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
from kit import asked, made, names

from trimtab.gateway.routing.judge import Judge
from trimtab.gateway.routing.meanings import Meanings
from trimtab.gateway.routing.share import MOST_WINDOWS, REMEMBERED, Shares, Window
from trimtab.llm.embedder import DIMENSION, Embedder

TREE = {"node": "escalate", "cheap": "fast", "strong": "big", "difficulty": 0.0, "most_up": 0.2}


def sent(window: Window, difficulties: Iterator[float], most: float) -> list[bool]:
    found: list[bool] = []
    for difficulty in difficulties:
        found.append(not window.ask(difficulty, most))
        window.note(difficulty, up=found[-1])
    return found


def test_about_that_share_goes_up_and_it_is_the_hardest() -> None:
    draw = random.Random(7)
    difficulties = [draw.random() for _ in range(4000)]
    up = sent(Window(), iter(difficulties), 0.2)
    assert 0.16 <= sum(up[REMEMBERED:]) / len(up[REMEMBERED:]) <= 0.2
    settled = list(zip(difficulties, up, strict=True))[REMEMBERED:]
    assert min(each for each, went in settled if went) > 0.7
    assert sum(went for each, went in settled if each > 0.9) > 0.8 * sum(each > 0.9 for each, _ in settled)


@pytest.mark.parametrize("most", [0.05, 0.2, 0.5])
def test_never_more_than_the_share_goes_up_also_where_each_call_is_harder_than_all_before(most: float) -> None:
    up = sent(Window(), (n / 3000 for n in range(3000)), most)
    for start in range(3000 - REMEMBERED):
        assert sum(up[start : start + REMEMBERED - 1]) <= most * REMEMBERED
    assert all(sum(up[:end]) <= most * end for end in range(1, REMEMBERED))
    assert sum(up) > 0.9 * most * 3000


def test_what_everybody_asks_goes_up_for_nobody() -> None:
    assert not any(sent(Window(), iter([0.503] * 1000), 0.3))


def test_windows_of_routes_that_are_gone_give_way() -> None:
    shares = Shares()
    first = shares.of(("prj", "0", "route"))
    for number in range(1, MOST_WINDOWS):
        shares.of(("prj", str(number), "route"))
    assert shares.of(("prj", "0", "route")) is first
    shares.of(("prj", "new", "route"))
    assert shares.of(("prj", "0", "route")) is not first


def test_a_window_forgets_what_is_long_gone() -> None:
    window = Window()
    sent(window, iter([0.9] * REMEMBERED), 0.2)
    sent(window, iter([0.1 + n / 10_000 for n in range(REMEMBERED)]), 0.2)
    assert window.ask(0.2, 0.2).startswith("0.2 of the last")  # the hardest now, and that share has gone up
    sent(window, iter([0.1] * REMEMBERED), 0.2)
    assert window.ask(0.2, 0.2) == ""
    assert all(low <= high for low, high in pairwise(window._ordered))  # pyright: ignore[reportPrivateUsage]


def test_a_route_keeps_the_share_says_why_and_counts_no_rehearsal() -> None:
    judge, shares = Judge(), Shares()
    numbers = np.array(judge._numbers)  # pyright: ignore[reportPrivateUsage]
    direction = numbers / np.linalg.norm(numbers)
    assert len(direction) == DIMENSION
    route = made(TREE, judge=judge, meanings=Meanings(Embedder()), shares=shares)

    def decide(strength: float, *, rehearsed: bool = False) -> tuple[str, str]:
        ask = asked("x")
        ask.learn((direction * strength).astype(np.float32))
        ask.rehearsed = rehearsed
        plan = route.plan(ask)
        assert plan.sent_up is (plan.steps[-1].took == "strong")
        return names(plan)[0], plan.steps[-1].why

    assert decide(0.9) == ("fast", "difficulty above 0, but not among the hardest 0.2 of the last 1")
    for n in range(30):
        decide(-n / 100)
    assert decide(0.95, rehearsed=True) == ("big", "difficulty above 0")
    window = shares.of(("prj_1", "smart", "tree"))
    assert len(window._ordered) == 31  # pyright: ignore[reportPrivateUsage]
    again = made(TREE, judge=judge, meanings=Meanings(Embedder()), shares=shares)  # a new snapshot
    ask = asked("x")
    ask.learn((direction * 0.96).astype(np.float32))
    assert names(asyncio.run(again.decide(ask)))[0] == "big"
    assert len(window._ordered) == 32  # pyright: ignore[reportPrivateUsage]
