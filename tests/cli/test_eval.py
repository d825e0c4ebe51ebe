"""What `trimtab eval` says and asks around a run."""

import sys
from typing import Any
from unittest.mock import Mock

import click
import pytest

from trimtab.cli import eval as eval_
from trimtab.cli.experiments import told_unknown
from trimtab.core.errors import Conflict
from trimtab.sdk.experiment_types import Estimate, Experiment


def experiment(**more: Any) -> Experiment:
    told: dict[str, Any] = {
        "id": "exp_1", "suite": "s", "dataset": "d", "version": 1, "subjects": ["m"], "state": "done", "cells": 60,
        "done": 60, "failed": 3, "cost": "1", "reason": "", "left_ms": None, "outcome": None, "passed": None,
        "says": "", "author_name": "ada", "created": 1, "started": 1, "ended": 2,
    }  # fmt: skip
    return Experiment(**(told | more))


def estimate(**more: Any) -> Estimate:
    told: dict[str, Any] = {
        "suite": "s", "dataset": "d", "version": 1, "subjects": [], "judges": [], "cases": 60, "repeats": 1,
        "cells": 60, "cost": None, "at_least": "0", "budget": "1", "over_budget": False,
        "unknown": ["the price of m"], "notes": [],
    }  # fmt: skip
    return Estimate(**(told | more))


def test_answers_that_were_under_way_when_a_server_died_are_told_with_the_way_out() -> None:
    assert told_unknown(experiment()) == ""
    said = told_unknown(experiment(unknown=3))
    assert "3 answers were under way when a server died" in said
    assert said.endswith("trimtab experiments resume exp_1 --unknown")


def test_they_are_asked_again_only_where_somebody_agrees(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wants = eval_._wants_unknown  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    assert not wants(experiment(unknown=3)), "nobody can be asked: it may be paid twice"
    assert "--unknown" in capsys.readouterr().err
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    for agreed in (True, False):
        monkeypatch.setattr(click, "confirm", Mock(return_value=agreed))
        assert wants(experiment(unknown=3)) is agreed


@pytest.mark.parametrize(("yes", "budget", "agreed"), [(True, "1", True), (False, "", False)])
def test_only_who_agreed_pays_what_nobody_can_price(
    monkeypatch: pytest.MonkeyPatch, yes: bool, budget: str, agreed: bool
) -> None:
    from trimtab.cli import evaluating

    consider: Any = eval_._consider  # pyright: ignore[reportPrivateUsage]
    monkeypatch.setattr(evaluating, "estimate", Mock(return_value=estimate(budget=budget)))
    monkeypatch.setattr(sys.stdin, "isatty", lambda: False, raising=False)
    asked = evaluating.Asked(project="default", release="m")
    assert consider(None, "s", asked, yes=yes) is agreed
    monkeypatch.setattr(evaluating, "estimate", Mock(return_value=estimate()))
    if not yes:
        with pytest.raises(Conflict, match="what it costs cannot be counted"):
            consider(None, "s", asked, yes=False)
