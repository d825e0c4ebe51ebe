"""The one plug mechanism: found by file name, by entry point, and told well when there is none."""

from importlib import metadata

import pytest

from trimtab.core.errors import NotFound
from trimtab.core.registry import Registry, meant
from trimtab.llm.providers import ProviderKind

PACKAGE = "trimtab.llm.providers"


def test_a_plug_is_named_by_its_file() -> None:
    kinds: Registry[ProviderKind] = Registry("providers", PACKAGE)
    assert {"openai", "anthropic", "custom", "local"} <= set(kinds.names())
    assert all(plug.name == name for name, plug in kinds.all().items())


def test_a_name_that_is_not_there_is_told_with_those_that_are() -> None:
    kinds: Registry[ProviderKind] = Registry("providers", PACKAGE)
    with pytest.raises(NotFound) as caught:
        kinds.get("opnai")
    assert "openai" in caught.value.fix


def test_a_strangers_plug_comes_by_entry_point_and_may_not_take_one_of_our_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = "trimtab.providers"
    points = [
        metadata.EntryPoint("theirs", "trimtab.llm.providers.custom:PLUG", group),
        metadata.EntryPoint("openai", "trimtab.llm.providers.custom:PLUG", group),
    ]

    def found(*, group: str) -> list[metadata.EntryPoint]:
        return [point for point in points if point.group == group]

    monkeypatch.setattr(metadata, "entry_points", found)
    kinds: Registry[ProviderKind] = Registry("providers", PACKAGE)
    assert kinds.get("theirs").name == "custom"
    assert kinds.get("openai").name == "openai"


def test_of_many_names_only_those_are_told_that_may_have_been_meant() -> None:
    few, many = ["exact", "regex"], [f"scorer_{n}" for n in range(40)] + ["groundedness"]
    assert meant("exct", few) == "Use one of: exact, regex."
    assert meant("groundednes", many, "'list'") == "Did you mean groundedness? 'list' shows all 41."
    assert meant("ground", many).startswith("Did you mean groundedness?")
    assert meant("qqqqqq", many, "'list'") == "'list' shows all 41."
    assert "scorer_39" in meant("qqqqqq", many)  # where nothing else would help
