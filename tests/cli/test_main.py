"""The command as a shell sees it: speed, help, exit codes."""

import importlib.util
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from patience import PATIENCE_S
from trimtab import __version__
from trimtab.cli.main import COMMANDS, SECTIONS, command
from trimtab.cli.reference import commands

LIMIT_S = 0.4
TRIMTAB = str(Path(sys.executable).parent / "trimtab")


def trimtab(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TRIMTAB_")}
    return subprocess.run(
        [TRIMTAB, *arguments],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["--help"], ["version"]])
def test_it_takes_little_of_the_processor(arguments: list[str]) -> None:
    """By processor time, and the least of some: what it costs, not what else the machine was doing."""

    def used() -> float:
        of = resource.getrusage(resource.RUSAGE_CHILDREN)
        return of.ru_utime + of.ru_stime

    took: list[float] = []
    for _ in range(4):
        before = used()
        assert trimtab(*arguments).returncode == 0
        took.append(used() - before)
    assert min(took) < LIMIT_S


def test_the_help_lists_every_command_without_loading_anything_heavy() -> None:
    told = trimtab("--help").stdout
    lines = [line.split() for line in told.splitlines()]
    assert [line[0] for line in lines if line and line[0] in COMMANDS] == list(COMMANDS)
    assert all([f"{title}:"] in lines for title in SECTIONS)
    script = "import sys\nfrom click.testing import CliRunner\nfrom trimtab.cli.main import command\n"
    script += "CliRunner().invoke(command, ['--help'])\nprint([m for m in sys.modules if m in %r])"
    heavy = ["httpx", "rich", "litestar", "sqlalchemy", "openai", "anthropic", "uvicorn", "yaml"]
    loaded = subprocess.run([sys.executable, "-c", script % heavy], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_version_is_told_to_people_and_to_programs() -> None:
    assert __version__ in trimtab("version").stdout
    assert trimtab("--version").stdout == trimtab("-V").stdout == f"trimtab {__version__}\n"
    assert json.loads(trimtab("version", "--json").stdout)["trimtab"] == __version__


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["keys"], ["keys", "create"], ["traces", "list", "--last", "soon"], ["up", "--nonsense"]],
)
def test_a_wrong_command_line_exits_with_2(arguments: list[str]) -> None:
    assert trimtab(*arguments).returncode == 2


def test_a_misspelt_command_is_answered_by_what_was_meant() -> None:
    done = trimtab("modls", "list")
    assert done.returncode == 2
    assert "Did you mean models or tools?" in done.stderr
    assert "Did you mean" not in trimtab("nonsense").stderr


def test_a_wrong_setting_exits_with_2_and_names_it() -> None:
    done = trimtab("up", "--workers", "many")
    assert done.returncode == 2
    assert "TRIMTAB_WORKERS" in done.stderr


def test_no_server_exits_with_3_and_says_how_to_start_one() -> None:
    done = trimtab("keys", "list", TRIMTAB_URL="http://127.0.0.1:9", TRIMTAB_ADMIN_KEY="tt_x")
    assert done.returncode == 3
    assert "trimtab up" in done.stderr
    assert done.stdout == ""


def test_no_key_exits_with_4_and_says_which_variable() -> None:
    done = trimtab("keys", "list", TRIMTAB_URL="http://127.0.0.1:9")
    assert done.returncode == 4
    assert "TRIMTAB_ADMIN_KEY" in done.stderr


def test_with_json_a_failure_is_json_on_standard_error() -> None:
    done = trimtab("traces", "list", "--json", TRIMTAB_URL="http://127.0.0.1:9", TRIMTAB_ADMIN_KEY="tt_x")
    assert json.loads(done.stderr)["error"]["code"] == "server_unreachable"
    assert done.stdout == ""


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_completion(shell: str) -> None:
    script = trimtab("completion", shell).stdout
    assert "_TRIMTAB_COMPLETE" in script


def test_the_shell_completes_commands_and_options() -> None:
    done = trimtab(_TRIMTAB_COMPLETE="bash_complete", COMP_WORDS="trimtab tra", COMP_CWORD="1")
    assert "traces" in done.stdout


@pytest.mark.parametrize("name", [name for name, _ in commands()])
def test_every_command_explains_itself_with_an_example(name: str) -> None:
    told = CliRunner().invoke(command, [*name.split(), "--help"])
    assert told.exit_code == 0
    assert "Example" in told.output
    assert f"trimtab {name}" in told.output.partition("Example")[2]


def test_every_command_that_prints_a_value_can_print_json() -> None:
    without = {"up", "completion"}
    for name, found in commands():
        options = {option for parameter in found.params for option in parameter.opts}
        assert ("--json" in options) == (name not in without), name


def test_no_argument_of_a_command_has_the_name_of_an_option_of_it() -> None:
    for name, found in commands():
        names = [parameter.name for parameter in found.params]
        assert len(set(names)) == len(names), name


def test_every_option_has_a_meaning() -> None:
    for name, found in commands():
        for parameter in found.params:
            if isinstance(parameter, click.Option):
                assert parameter.help, f"{name} {parameter.opts}"


@pytest.mark.parametrize("group", ["routes", "online"])
def test_the_old_name_of_a_command_goes_on_says_the_new_one_and_stands_in_no_help(
    group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIMTAB_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("TRIMTAB_ADMIN_KEY", "tt_" + "x" * 40)
    done = CliRunner().invoke(command, [group, "delete", "smart"])
    assert f"is called 'trimtab {group} remove' now" in done.stderr.replace("'command ", "'trimtab ")
    assert done.exit_code == 3, "it asked the server, as the new one does"
    assert "delete" not in CliRunner().invoke(command, [group, "--help"]).stdout


def test_it_says_whether_it_is_compiled() -> None:
    """Of a module that is compiled with the others, if any is."""
    module = importlib.util.find_spec("trimtab.gateway.walk")
    assert module is not None
    compiled = not (module.origin or "").endswith(".py")
    assert json.loads(trimtab("version", "--json").stdout)["compiled"] is compiled
    for arguments in (["version"], ["--version"]):
        assert ("(compiled)" in trimtab(*arguments).stdout) is compiled
