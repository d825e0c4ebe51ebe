"""The command line's reference page, from the commands themselves: ``python -m trimtab.cli.reference``."""

import inspect
import sys
from collections.abc import Iterator
from typing import cast

import click

from trimtab.cli.base import EXIT_CODES
from trimtab.cli.main import command as root

HEAD = """\
# The command line

Every command has `--help`. This page is generated: run `make docs`.

Commands other than `up`, `demo`, `doctor`, `version` and `completion` talk to a running server, at `TRIMTAB_URL`
(default `http://127.0.0.1:4600`), with the key in `TRIMTAB_ADMIN_KEY` or `TRIMTAB_API_KEY`. With `--json` they print
one JSON value on standard output, and failures as `{"error": {"code", "message", "fix"}}` on standard error.
"""


def page() -> str:
    """The whole page, in Markdown."""
    codes = "\n".join(f"| {code} | {meaning} |" for code, meaning in EXIT_CODES)
    parts = [HEAD, f"| exit code | meaning |\n|---|---|\n{codes}\n"]
    parts += [_section(path, command) for path, command in commands()]
    return "\n".join(parts)


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command that help shows, by its whole name, in the order of the help."""
    yield from _below(root, "")


def _below(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    ctx = click.Context(group)
    for name in group.list_commands(ctx):
        found = cast("click.Command", group.get_command(ctx, name))
        if isinstance(found, click.Group):
            yield from _below(found, f"{path}{name} ")
        elif not found.hidden:
            yield f"{path}{name}", found


def _section(path: str, command: click.Command) -> str:
    arguments = "".join(f" {p.make_metavar(click.Context(command))}" for p in _parameters(command, click.Argument))
    text, _, examples = inspect.cleandoc(command.help or "").partition("\b\n")
    lines = [f"## trimtab {path}{arguments}\n", text.strip(), ""]
    options = list(_parameters(command, click.Option))
    if options:
        lines += ["| option | |", "|---|---|"]
        lines += [f"| `{_names(option, command)}` | {_meaning(option)} |" for option in options]
        lines.append("")
    if examples:
        lines += ["```sh", inspect.cleandoc(examples.partition(":\n")[2]), "```", ""]
    return "\n".join(lines)


def _parameters(command: click.Command, kind: type[click.Parameter]) -> Iterator[click.Parameter]:
    return (parameter for parameter in command.params if isinstance(parameter, kind))


def _names(option: click.Parameter, command: click.Command) -> str:
    names = ", ".join((*option.opts, *option.secondary_opts))
    flag = isinstance(option, click.Option) and option.is_flag
    return names if flag else f"{names} {option.make_metavar(click.Context(command))}"


def _meaning(option: click.Parameter) -> str:
    assert isinstance(option, click.Option)
    text = (option.help or "").replace("|", "\\|")
    if option.required:
        text += " Required."
    if option.show_default and option.default is not None:
        text += f" Default: `{option.default}`."
    return text


if __name__ == "__main__":
    sys.stdout.write(page())
