"""What is said of names that there are not."""

import pytest
from click import Context, Group

from trimtab.cli.main import command as cli
from trimtab.core.known import _FIRST, did_you_mean, first  # pyright: ignore[reportPrivateUsage]


def test_what_was_meant_is_named_and_else_what_there_is() -> None:
    assert did_you_mean("gpt-4", ["gpt-4o", "llama"]) == "Did you mean 'gpt-4o'?"
    assert did_you_mean("zzz", ["b", "a"]) == "Use one of: a, b."
    assert did_you_mean("zzz", [f"m{at:02}" for at in range(20)]).endswith("m11, ….")


def test_where_there_is_none_yet_the_command_and_the_page_are_named_that_make_one() -> None:
    said = did_you_mean("fast", [], "model")
    assert said == first("model")
    assert "trimtab models add NAME" in said
    assert said.endswith("or in the console under Models.")


@pytest.mark.parametrize("kind", sorted(_FIRST))
def test_the_command_that_makes_the_first_one_is_there_with_these_options(kind: str) -> None:
    words = _FIRST[kind][0].split()
    assert words[0] == "trimtab"
    group = cli.get_command(Context(cli), words[1])
    assert isinstance(group, Group)
    command = group.commands[words[2]]
    options = {name for each in command.params for name in each.opts}
    assert {each for each in words if each.startswith("--")} <= options
